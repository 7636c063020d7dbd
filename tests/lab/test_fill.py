"""A disk that has no room for a journal stops no mail, and makes no daemon believe what is not written."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab import fill

pytestmark = pytest.mark.trial


def test_fault_91_daemons_killed_on_a_full_disk_lose_nothing_and_double_only_unrecorded_dots(
    tmp_path: Path, report: Callable[[str], None]
) -> None:
    result = fill.drive("SQLite", cycles=2, seed=91, folder=tmp_path, longest=1)
    report(str(result))
    assert result.broken == ()
