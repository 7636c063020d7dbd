"""A short soak passes, and one of a daemon that leaks does not; `make soak` has the long one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.soak.run import summary, table
from tests.soak.samples import MB, Sample
from tests.soak.soak import Plan, soak
from tests.soak.steadiness import breaches, growth
from tests.support.daemon import RunningDaemon

SHORT = Plan(seconds=24, warm=12, measured=4, fault_every=5, look_every=0.5)
IDLE = Sample(0.0, 80 * MB, 11, 7)


class Leaking(RunningDaemon):
    """A daemon that keeps what it should let go."""

    program = ("tests.soak.leaking",)


def run(*megabytes: float) -> list[Sample]:
    """Return the samples of a run, by their memory."""
    return [Sample(float(n), int(each * MB), 15, 7) for n, each in enumerate(megabytes)]


@pytest.mark.trial
@pytest.mark.parametrize("database", ["PostgreSQL", "SQLite"])
def test_a_daemon_that_meets_one_fault_after_the_other_stays_as_it_is(
    database: str, tmp_path: Path, report: Callable[[str], None]
) -> None:
    found = soak(database, SHORT, seed=3, folder=tmp_path)
    report(summary(found))
    assert found.broken == []
    assert len(found.happened) >= 4
    assert found.account.committed > 100


@pytest.mark.trial
def test_a_leak_of_anything_is_found(tmp_path: Path) -> None:
    found = soak("PostgreSQL", SHORT, seed=3, folder=tmp_path, kind=Leaking)
    assert len(found.broken) == 3, found.broken
    memory, descriptors, threads = found.broken
    assert memory.startswith("memory grew by")
    assert "descriptors open; before the run" in descriptors
    assert "threads; before the run" in threads
    assert "faults" in table(found)


def test_what_a_process_takes_to_warm_up_is_no_leak() -> None:
    assert breaches(run(20, 60, 80, 80, 80, 80, 80, 80, 80), IDLE, IDLE) == []


def test_the_queue_of_one_outage_is_no_leak() -> None:
    assert breaches(run(80, 80, 80, 80, 80, 80, 140, 80, 80), IDLE, IDLE) == []


def test_memory_that_grows_all_the_time_is_a_leak() -> None:
    steady = run(*(80 + n for n in range(18)))
    assert growth(steady) == 6 * MB
    assert breaches(steady, IDLE, IDLE) == ["memory grew by 6.0 MB in a third of the run, 4.4 are allowed"]


def test_memory_that_falls_is_none() -> None:
    assert growth(run(80, 80, 80, 90, 90, 90, 80, 80, 80)) == -10 * MB


def test_what_stays_open_after_the_run_is_a_leak() -> None:
    flat = run(*[80.0] * 9)
    after = Sample(99.0, 80 * MB, IDLE.descriptors + 3, IDLE.threads + 1)
    assert breaches(flat, IDLE, after) == [
        "idle, it has 14 descriptors open; before the run 11",
        "idle, it has 8 threads; before the run 7",
    ]
    assert len(breaches(flat, IDLE, after, threads=1)) == 1
