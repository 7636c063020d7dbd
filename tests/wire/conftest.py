"""The default outbox of an empty folder, for tests of commands."""

import pytest

from tests.support.calling import CHECKOUT, call


@pytest.fixture
def alone(no_settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, with none of our variables set, and let children find this checkout."""
    _ = no_settings
    monkeypatch.setenv("PYTHONPATH", CHECKOUT)


@pytest.fixture
def outbox_here(alone: None) -> None:
    """Make our tables in the default database of this folder."""
    _ = alone
    assert call("db", "upgrade").exit_code == 0
