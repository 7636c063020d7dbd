"""The default outbox of an empty folder, for tests of commands."""

import os
from pathlib import Path

import pytest

from tests.support.calling import CHECKOUT, call


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Work in an empty folder, with none of our variables set."""
    monkeypatch.chdir(tmp_path)
    for name in [*os.environ]:
        if name.startswith("OUTBOX_") or name in {"CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", CHECKOUT)


@pytest.fixture
def outbox_here(alone: None) -> None:
    """Make our tables in the default database of this folder."""
    _ = alone
    assert call("db", "upgrade").exit_code == 0
