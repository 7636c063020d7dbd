"""A database that goes away under the daemons costs no mail, and they resume by themselves."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab import restart

pytestmark = pytest.mark.trial


def test_daemons_resume_after_restarts_and_crashes_of_their_database_without_a_loss_or_a_double(
    tmp_path: Path, report: Callable[[str], None]
) -> None:
    result = restart.drive("PostgreSQL", cycles=2, seed=2, folder=tmp_path, size=1, backlog=150)
    report(str(result))
    assert result.broken == ()
