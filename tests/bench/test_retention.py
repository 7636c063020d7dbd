"""What the study of housekeeping promises, and how it is told."""

from bench.bound import Bound
from bench.studies.retention import RETENTION, Kept
from bench.wave import Wave


def waves(*rates: float) -> tuple[Wave, ...]:
    return tuple(Wave(1_000, 1_000 / rate, 1_000, 1_000) for rate in rates)


FOUND = Kept(waves(4_000, 2_000, 5_000), waves(3_600, 1_600, 5_000), rows=1_500, bodies=1_200, wrong=0)


def test_the_cost_is_the_median_of_what_each_round_lost() -> None:
    assert RETENTION.bounds("postgresql", FOUND) == [
        Bound("what housekeeping takes from the drain rate, PostgreSQL", 0.15, 1 - 3_600 / 4_000, upper=True),
        Bound("deliveries that it deleted and that had not ended, PostgreSQL", 0, 0.0, upper=True),
    ]


def test_each_round_is_told_beside_what_it_was_without() -> None:
    rows = list(RETENTION.rows(FOUND))
    assert rows[1] == ("2", "2,000", "1,600", "0.800")
    assert rows[3] == ("median; 1,500 rows and 1,200 bodies went", "4,000", "3,600", "0.900")
    assert {len(row) for row in rows} == {len(RETENTION.columns)}
