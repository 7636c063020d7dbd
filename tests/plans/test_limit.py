"""A claim takes no more than it was allowed, whatever way the database chooses to find the rows."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from tests.plans.stage import STATISTICS, WAITING, staged

# With no other way left, an IN (SELECT … LIMIT 7) is run again for each row of the table, and takes them all.
FORCED = "hashjoin mergejoin hashagg sort material"
JOINS = [
    tuple(f"enable_{name} = off" for name in names.split())
    for names in ("hashjoin mergejoin", "nestloop mergejoin", "nestloop hashjoin", FORCED)
]


@pytest.mark.parametrize("joins", JOINS, ids=lambda joins: " ".join(word.split()[0] for word in joins))
@pytest.mark.parametrize("statistics", STATISTICS)
def test_fault_2_a_claim_keeps_its_limit_by_any_kind_of_join(
    statistics: str, joins: tuple[str, ...], tmp_path: Path
) -> None:
    def choose(connection: Any) -> None:
        for word in joins:
            connection.exec_driver_sql(f"SET LOCAL {word}")

    with staged("postgresql", tmp_path, statistics=statistics, finished=0) as history:
        scene = history.scene
        event.listen(scene.database.engine, "begin", choose)
        me = scene.start()
        sizes = [len(scene.queue.claim(me, limit)) for limit in (1, 7, 200, 2, 500)]
        assert sizes == [1, 7, 200, 2, 500]
        held = scene.queue.counts()["sending"]  # type: ignore[index] # a Status is its value
        assert (sum(sizes), WAITING) == (held, WAITING)
