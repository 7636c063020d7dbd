"""No hot statement reads the history or sorts, whatever the database believes about its tables."""

import re
from collections.abc import Iterator

import pytest

from tests.plans.history import History
from tests.plans.operations import (
    ASKED,
    OPERATIONS,
    Operation,
    announce,
    cancel_a_tag,
    expire,
    record_in_time,
    record_too_late,
    rescue,
    retry_by_key,
)
from tests.plans.stage import STATISTICS, staged
from tests.plans.watching import Seen, watched

# By the index of what has ended, what is read grows with what was sent lately.
_ENDED = ".*outbox_delivery_finished"
# MariaDB's plans are estimates that flip: what it reads tells, in test_growth.py.
FORBIDDEN = {
    "postgresql": re.compile(f"Seq Scan outbox_(delivery|message)|(Incremental )?Sort|{_ENDED}"),
    # The index of what is held has nothing else in it, so all of it may be read.
    "sqlite": re.compile(
        "SCAN outbox_(delivery|message)(?! USING INDEX outbox_delivery_held)|USE TEMP B-TREE FOR ORDER BY"
        f"|{_ENDED}"
    ),
}
SCANNED = re.compile("Seq Scan outbox_(delivery|message)|SCAN outbox_(delivery|message)")
# By any other index an update would walk over all that is in its old status, and what lately was.
OTHER = re.compile(".*INDEX outbox_delivery_|.*Index Scan .*outbox_delivery_(?!pkey)")
# So many that PostgreSQL, which counts four pages for a row looked up, can only lose by reading them all.
# SQLite has statistics only where somebody asked for them.
STAGES = [
    *(("postgresql", statistics, 100_000) for statistics in STATISTICS),
    *(("sqlite", statistics, 30_000) for statistics in ("none", "true")),
]


@pytest.fixture(scope="module", params=STAGES, ids=lambda stage: f"{stage[0]}-{stage[1]}")
def history(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    kind, statistics, finished = request.param
    folder = tmp_path_factory.mktemp("plans")
    with staged(kind, folder, statistics=statistics, finished=finished) as history:
        yield history


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)
def test_no_hot_statement_reads_the_history_or_sorts(history: History, operation: Operation) -> None:
    forbidden = FORBIDDEN[history.kind]
    run = operation(history)
    with watched(history.scene) as seen:
        run()
    assert any(one.plan for one in seen)
    assert {one.statement: one.plan for one in seen if any(map(forbidden.match, _steps(one)))} == {}


def _steps(seen: Seen) -> list[str]:
    """Return the plan of a statement; what it counts, a handful of rows, it may sort for that."""
    return [step for step in seen.plan if step != "Sort" or "count(" not in seen.statement]


@pytest.mark.parametrize("operation", ASKED, ids=lambda operation: operation.__name__)
def test_nothing_that_people_ask_reads_the_history(history: History, operation: Operation) -> None:
    run = operation(history)
    with watched(history.scene) as seen:
        run()
    assert any(one.plan for one in seen)
    # What one mail or one batch has may be sorted.
    assert {one.statement: one.plan for one in seen if any(map(SCANNED.match, one.plan))} == {}


@pytest.mark.parametrize(
    "operation",
    [announce, record_in_time, record_too_late, rescue, expire, cancel_a_tag, retry_by_key],
    ids=lambda one: one.__name__,
)
def test_what_is_changed_by_its_id_is_found_by_nothing_else(history: History, operation: Operation) -> None:
    run = operation(history)
    with watched(history.scene) as seen:
        run()
    updates = [one for one in seen if one.statement.startswith("UPDATE outbox_delivery")]
    assert updates
    assert {one.statement: one.plan for one in updates if any(map(OTHER.match, one.plan))} == {}
