"""A daemon that dies of itself takes no mail along: innocent mail goes on, and what kills is held."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab import crash, poison

pytestmark = pytest.mark.trial


def test_crashes_right_after_a_claim_hold_no_mail(tmp_path: Path, report: Callable[[str], None]) -> None:
    result = crash.drive("SQLite", cycles=2, seed=4, folder=tmp_path, lease_ttl=1)
    report(str(result))
    assert result.broken == ()


def test_fault_78_a_mail_that_kills_its_daemon_is_held_after_three_crashes_of_its_own_and_others_go_on(
    tmp_path: Path, report: Callable[[str], None]
) -> None:
    result = poison.drive("PostgreSQL", cycles=1, seed=78, folder=tmp_path, lease_ttl=1)
    report(str(result))
    assert result.broken == ()
