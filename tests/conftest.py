"""The databases that any test may ask for, by name or in turn, and the figures that tests report."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import Engine, create_engine

import outbox
from outbox.default import default_outbox
from tests.support.databases import MYSQL, POSTGRESQL, fresh_database

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

_FIGURE = "figure"
_OF_SYSTEMD = {"CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "STATE_DIRECTORY", "WATCHDOG_USEC", "WATCHDOG_PID"}


@pytest.fixture
def report(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Give a way to say a measured figure, which stands at the end of the run whether or not tests fail."""
    return lambda figure: record_property(_FIGURE, figure)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [test for tests in terminalreporter.stats.values() for test in tests]
    figures = [
        value
        for test in reports
        if isinstance(test, pytest.TestReport) and test.when == "call"
        for name, value in test.user_properties
        if name == _FIGURE
    ]
    if figures:
        terminalreporter.section("figures")
        for figure in figures:
            terminalreporter.line(str(figure))


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Work in an empty folder, with none of our variables set."""
    monkeypatch.chdir(tmp_path)
    for name in [*os.environ]:
        if name.upper().startswith(("OUTBOX_", "MAIL_")) or name in _OF_SYSTEMD:
            monkeypatch.delenv(name)


@pytest.fixture
def no_default_outbox() -> Iterator[None]:
    """Let the default outbox be made of the environment that the test has set, and leave none behind."""
    default_outbox.cache_clear()
    yield
    default_outbox.cache_clear()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Give the URL of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'outbox.sqlite3'}"


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    """Give an application's engine, on an SQLite file that has our tables."""
    engine = create_engine(sqlite_url)
    outbox.prepare_sqlite(engine)
    outbox.migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    """Give the URL of a fresh, empty PostgreSQL database."""
    with fresh_database(POSTGRESQL) as url:
        yield url


@pytest.fixture
def mysql_url() -> Iterator[str]:
    """Give the URL of a fresh, empty MariaDB database."""
    with fresh_database(MYSQL) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Give the URL of a fresh, empty database of each kind in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url
