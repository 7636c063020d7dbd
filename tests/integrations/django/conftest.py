"""One Django project for the run, with our tables on each kind of database, emptied before each test."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("django")

from django.core.management import call_command
from django.db import connections

from tests.integrations.django.project import ENGINES, Router, database, set_up
from tests.support.databases import MYSQL, POSTGRESQL, fresh_database

# Models can be imported only then, and the tests do while they are collected.
set_up(
    {
        "default": database("sqlite", "sqlite:///:memory:"),
        **{kind: database(kind, f"{kind}://") for kind in ENGINES},
    }
)

_TABLES = ("attempt", "delivery", "tag", "message", "session", "gate", "suppression")
_KINDS = {"postgresql": POSTGRESQL, "mysql": MYSQL}


@pytest.fixture(scope="session")
def _servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Give the URLs of the databases that were asked for; they last as long as the run."""
    with ExitStack() as stack:
        urls: dict[str, str] = {}
        _Urls.stack, _Urls.folder = stack, tmp_path_factory.mktemp("django")
        yield urls
        connections.close_all()


class _Urls:
    stack: ExitStack
    folder: Path


def migrated(kind: str, urls: dict[str, str]) -> str:
    """Return the alias of a database of this kind with all tables, ours and Django's own."""
    if kind not in urls:
        server = _KINDS.get(kind)
        urls[kind] = (
            f"sqlite:///{_Urls.folder / kind}.sqlite3"
            if server is None
            else _Urls.stack.enter_context(fresh_database(server))
        )
        connections.databases[kind].update(database(kind, urls[kind]))
        call_command("migrate", database=kind, verbosity=0)
    return kind


@pytest.fixture
def _emptied() -> Iterator[None]:
    yield
    Router.alias = None
    for wrapper in connections.all(initialized_only=True):
        wrapper.close()


@pytest.fixture(params=[*ENGINES])
def alias(request: pytest.FixtureRequest, _servers: dict[str, str], _emptied: None) -> str:
    """Give the alias of an empty outbox on each kind of database in turn, to which all mail goes."""
    return _chosen(request.param, _servers)


@pytest.fixture
def sqlite(_servers: dict[str, str], _emptied: None) -> str:
    """Give the alias of an empty outbox on SQLite."""
    return _chosen("sqlite", _servers)


@pytest.fixture
def postgresql(_servers: dict[str, str], _emptied: None) -> str:
    """Give the alias of an empty outbox on PostgreSQL."""
    return _chosen("postgresql", _servers)


def _chosen(kind: str, urls: dict[str, str]) -> str:
    Router.alias = migrated(kind, urls)
    with connections[kind].cursor() as cursor:
        for table in (*(f"outbox_{name}" for name in _TABLES), "auth_group"):
            cursor.execute(f"DELETE FROM {table}")
    return kind
