"""`manage.py migrate` makes the same tables as `outbox db upgrade`, and either may come first."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from sqlalchemy import create_engine

import outbox
from outbox.errors import SchemaError
from outbox.integrations.django.lending import lent
from outbox.integrations.django.routing import APP
from outbox.store.database import Database
from outbox.store.migration import newest, script_location
from outbox.store.search import schema_version
from tests.integrations.django.folder import Project
from tests.migrations.described import described, views

_TESTS = """
from django.core.mail import EmailMessage
from django.db import transaction
from django.test import TestCase, TransactionTestCase
from outbox.integrations.django import EmailBackend
from outbox.integrations.django.models import Delivery

def send():
    return EmailBackend().send_messages([EmailMessage("x", "x", "shop@example.org", ["ada@example.org"])])

class InATransaction(TestCase):
    def test_first(self):
        self.assertEqual(send(), 1)
        self.assertEqual(Delivery.objects.count(), 1)

    def test_second(self):
        self.assertEqual(Delivery.objects.count(), 0)
        with transaction.atomic():
            self.assertEqual(send(), 1)
        self.assertEqual(Delivery.objects.count(), 1)
"""


def test_each_version_of_the_tables_has_a_migration_of_django_s() -> None:
    versions = sorted(path.name.partition("_")[0] for path in (script_location() / "versions").glob("0*.py"))
    loader = MigrationLoader(None)
    ours = sorted(name.partition("_")[0] for app, name in loader.disk_migrations if app == APP)
    assert ours == versions
    (leaf,) = loader.graph.leaf_nodes(APP)
    assert leaf[1].partition("_")[0] == newest()


def test_they_make_what_ours_make(alias: str, request: pytest.FixtureRequest) -> None:
    engine = create_engine(request.getfixturevalue(f"{alias}_url"))
    outbox.migrate(engine)
    with engine.connect() as ours, lent(alias) as theirs:
        assert described(theirs) == described(ours)
        assert {*views(theirs)} >= {*views(ours)}
        assert schema_version(theirs) == schema_version(ours) == newest()
    engine.dispose()


def test_they_find_nothing_to_do_where_ours_have_been(database_url: str, tmp_path: Path) -> None:
    engine = create_engine(database_url)
    outbox.migrate(engine)
    with engine.begin() as connection:
        outbox.enqueue(connection, sender="shop@example.org", to="ada@example.org", text="")
    project = Project(tmp_path, engine.dialect.name, database_url)
    assert f"Applying {APP}.{newest()}" in project.done("migrate")
    assert "No migrations to apply" in project.done("migrate")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM outbox_message").scalar() == 1
    engine.dispose()
    database = Database(database_url)
    database.check()
    database.close()


def test_ours_find_nothing_to_do_where_they_have_been(sqlite_url: str, tmp_path: Path) -> None:
    project = Project(tmp_path, "sqlite", sqlite_url)
    project.done("migrate")
    engine = create_engine(sqlite_url)
    outbox.migrate(engine)
    engine.dispose()
    assert f"tables of version {newest()}" in project.done("outbox", "db", "check")


def test_one_version_after_the_other(sqlite_url: str, tmp_path: Path) -> None:
    project = Project(tmp_path, "sqlite", sqlite_url)
    project.done("migrate", APP, "0003")
    ended = project.manage("outbox", "db", "check")
    assert (ended.returncode, ended.stdout) == (78, "")
    assert f"of version 0003, this release needs {newest()}" in ended.stderr
    project.done("migrate")
    assert f"tables of version {newest()}" in project.done("outbox", "db", "check")


@pytest.mark.usefixtures("sqlite")
def test_makemigrations_finds_nothing_to_do() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_there_is_no_way_back_that_throws_mail_away(sqlite_url: str, tmp_path: Path) -> None:
    project = Project(tmp_path, "sqlite", sqlite_url)
    project.done("migrate")
    ended = project.manage("migrate", APP, "zero")
    assert ended.returncode != 0
    assert "IrreversibleError" in ended.stderr
    assert "OK" in project.done("outbox", "db", "check")


@pytest.mark.usefixtures("sqlite")
def test_tables_that_are_newer_than_this_release_are_refused() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("CREATE TABLE outbox_alembic_version (version_num VARCHAR(32))")
        cursor.execute("INSERT INTO outbox_alembic_version VALUES ('9999')")
    try:
        with pytest.raises(SchemaError, match=r"of version 9999, which this release .* does not know"):
            call_command("migrate", APP, database="default", verbosity=0)
    finally:
        with connections["default"].cursor() as cursor:
            cursor.execute("DROP TABLE outbox_alembic_version")


def test_a_project_s_own_tests_find_the_tables(database_url: str, tmp_path: Path) -> None:
    project = Project(tmp_path, database_url.partition(":")[0].partition("+")[0], database_url)
    (tmp_path / "test_shop.py").write_text(_TESTS)
    assert "Ran 2 tests" in project.done("test", "--noinput")


def test_django_that_is_missing_is_named_with_what_to_install() -> None:
    script = "import sys; sys.modules['django'] = None; import outbox.integrations.django"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: outbox.integrations.django needs Django: pip install 'email-outbox[django]'"
    )


def test_the_backend_needs_no_app(sqlite_url: str, tmp_path: Path) -> None:
    project = Project(tmp_path, "sqlite", sqlite_url, INSTALLED_APPS=[])
    engine = create_engine(sqlite_url)
    outbox.migrate(engine)
    call = "send_mail('x', 'x', 'a@example.org', ['b@example.org'])"
    send = f"from django.core.mail import send_mail; print({call})"
    assert project.done("shell", "-c", send).splitlines()[-1] == "1"
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM outbox_delivery").scalar() == 1
    engine.dispose()
