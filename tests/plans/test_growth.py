"""What a hot operation reads depends on its batch and on what waits, never on what was finished long ago."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.plans.operations import ASKED, OPERATIONS
from tests.plans.stage import staged
from tests.plans.watching import watched

pytestmark = pytest.mark.trial

SHORT, LONG = 3_000, 30_000
# The trees of the indexes are higher, and on PostgreSQL a lookup reads that.
SLACK = 1.25
FEW = 30


def reads(kind: str, folder: Path, finished: int) -> dict[str, int]:
    """Return what each operation reads, after so many finished mails."""
    found = {}
    with staged(kind, folder, statistics="none", finished=finished) as history:
        # First what counts the queue, while that is as it was filled.
        for operation in (*ASKED, *OPERATIONS):
            run = operation(history)
            with watched(history.scene) as seen:
                run()
            found[operation.__name__] = sum(one.read for one in seen)
    return found


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mysql"])
def test_what_is_read_does_not_grow_with_what_is_finished(
    kind: str, tmp_path: Path, report: Callable[[str], None]
) -> None:
    short, long = (reads(kind, tmp_path / str(n), n) for n in (SHORT, LONG))
    report(f"{kind}, read after {SHORT} and {LONG} finished mails: {short}, {long}")
    assert {
        name: (short[name], read) for name, read in long.items() if read > SLACK * short[name] + FEW
    } == {}
