"""A database that was restored from a dump makes no mail go twice, and none before a person says so."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab import restore

pytestmark = pytest.mark.trial


def test_fault_32_restores_in_the_middle_of_a_drain_lose_nothing_and_double_nothing(
    tmp_path: Path, report: Callable[[str], None]
) -> None:
    result = restore.drive("PostgreSQL", cycles=2, seed=32, folder=tmp_path)
    report(str(result))
    assert result.broken == ()
