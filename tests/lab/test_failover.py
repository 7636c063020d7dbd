"""A failover that loses the last commits loses no other mail, and makes none go twice."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab import failover

pytestmark = pytest.mark.trial


def test_fault_31_a_killed_primary_with_a_replica_that_lags_doubles_nothing(
    tmp_path: Path, report: Callable[[str], None]
) -> None:
    result = failover.drive("PostgreSQL", cycles=2, seed=31, folder=tmp_path)
    report(str(result))
    assert result.broken == ()
