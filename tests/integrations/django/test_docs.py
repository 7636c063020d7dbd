"""The pages on Django run as they stand, and their tables say what the code says."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import connections

from outbox.integrations.django.backend import EmailBackend
from outbox.integrations.django.message import OPTIONS
from outbox.integrations.django.models import Delivery
from tests.integrations.django.folder import Project
from tests.integrations.django.project import HAS_MAILERS

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "django.md").read_text(encoding="utf-8")


def blocks(page: str) -> list[str]:
    return re.findall(r"(?<!-->\n)```python\n(.*?)```", page, re.DOTALL)


def settings(release: str) -> str:
    found = re.search(rf"<!-- settings: {re.escape(release)} -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def names(mark: str) -> list[str]:
    """Return what the first column of the marked table names."""
    found = re.search(rf"<!-- {mark} -->\n\|.*?\n\|.*?\n(.*?)\n\n", PAGE, re.DOTALL)
    assert found is not None
    return [name for row in found[1].splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])]


def test_the_settings_are_all_that_a_project_needs(sqlite_url: str, tmp_path: Path) -> None:
    project = Project(tmp_path, "sqlite", sqlite_url, {}, INSTALLED_APPS=["django.contrib.contenttypes"])
    with (tmp_path / "shop_settings.py").open("a") as file:
        file.write(settings("6.1" if HAS_MAILERS else "5.2"))
    project.done("migrate")
    send = "from django.core.mail import send_mail; send_mail('x', 'x', 'a@example.org', ['b@example.org'])"
    project.done("shell", "-c", send)
    assert "pending" in project.done("outbox", "list")


def test_the_code_queues_a_receipt_and_takes_it_back(
    sqlite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_templates").mkdir()
    (tmp_path / "my_templates" / "withdrawn.subject").write_text("Order {{ order }} is withdrawn")
    (tmp_path / "my_templates" / "withdrawn.txt").write_text("Sorry!")
    code: dict[str, object] = {"BASE_DIR": tmp_path}
    for block in blocks(PAGE):
        exec(block, code)  # noqa: S102 - the block is what is tested
    order = SimpleNamespace(pk=42, email="ada@example.org", pay=lambda: None)
    code["pay"](order)  # type: ignore[operator] # the page's own
    code["pay"](order)  # type: ignore[operator] # its key makes it one mail
    code["withdraw"](order)  # type: ignore[operator]
    found = Delivery.objects.using(sqlite).select_related("message").order_by("pk")
    assert [(each.message.subject, each.status) for each in found] == [
        ("Your receipt", "cancelled"),
        ("Order 42 is withdrawn", "pending"),
    ]


def test_the_options_are_those_of_the_code() -> None:
    assert names("options") == [*OPTIONS]
    annotations = {*EmailBackend.__init__.__annotations__} - {"others", "return"}
    assert {*names("backend options")} == annotations


def test_the_database_of_sqlite_is_one_that_django_opens(tmp_path: Path) -> None:
    [block] = [block for block in blocks(PAGE) if "transaction_mode" in block]
    code: dict[str, dict[str, dict[str, object]]] = {"BASE_DIR": tmp_path}  # type: ignore[dict-item] # a path
    exec(block, code)  # noqa: S102 - the block is what is tested
    usual = connections["sqlite"].settings_dict
    wrapper = type(connections["sqlite"])({**usual, **code["DATABASES"]["default"]}, "sqlite")
    with wrapper.cursor() as cursor:
        assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    wrapper.close()


@pytest.mark.parametrize(("page", "mails"), [("from-django-post-office", 1), ("from-django-mailer", 2)])
def test_the_examples_of_a_move_queue_mail(page: str, mails: int, sqlite: str) -> None:
    for block in blocks((DOCS / "moving" / f"{page}.md").read_text(encoding="utf-8")):
        exec(block, {})  # noqa: S102 - the block is what is tested
    assert Delivery.objects.using(sqlite).count() == mails


def test_every_permission_of_the_page_is_one_of_django_s() -> None:
    named = {*re.findall(r"`email_outbox\.(\w+)`", PAGE)}
    assert named == {"view_delivery", *(name for name, _ in Delivery._meta.permissions)}
