"""What one gate lends to all daemons together, by the database's clock, on any database."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update

from outbox.mail.rate import ANY, DAY, Demand, Limit
from outbox.store.buckets import Buckets, Gate
from outbox.store.schema import GateKind, SessionState, gate, session
from tests.contract.crowd import at_once
from tests.contract.scene import Scene, ago

MX = Gate(GateKind.RELAY, "mx")
BULK = Gate(GateKind.STREAM, "bulk")
SLOW = Limit(rate=0.001, burst=10)
"""Ten at once, and for the time of a test no more."""


@pytest.fixture
def buckets(scene: Scene) -> Buckets:
    return Buckets(scene.database)


def borrow(
    buckets: Buckets,
    limit: Limit,
    most: int,
    *,
    least: int = 1,
    unused: int = 0,
    day: date | None = None,
    of: Gate = MX,
) -> Any:
    return buckets.borrow({of: (limit, Demand(least, most, unused, day=day))})[of]


def row(scene: Scene, of: Gate = MX) -> Any:
    wanted = select(gate).where(gate.c.kind == of.kind, gate.c.name == of.name)
    return scene.database.read(lambda connection: connection.execute(wanted).one())


def set_row(scene: Scene, of: Gate = MX, **values: Any) -> None:
    with scene.admin.begin() as connection:
        connection.execute(update(gate).where(gate.c.name == of.name).values(values))


def waits(scene: Scene) -> list[tuple[Any, ...]]:
    query = text("SELECT kind, name, reason FROM outbox_wait ORDER BY kind, name, reason")
    return scene.database.read(lambda connection: [tuple(found) for found in connection.execute(query)])


def test_a_gate_that_nobody_has_used_is_full(buckets: Buckets) -> None:
    assert [borrow(buckets, SLOW, 6).count for _ in range(3)] == [6, 4, 0]


def test_who_wants_nothing_asks_nothing(scene: Scene, buckets: Buckets) -> None:
    assert buckets.borrow({}) == {}
    assert scene.count(gate) == 0


def test_several_gates_are_asked_at_once_and_each_lends_by_its_own_limit(buckets: Buckets) -> None:
    wanted = {MX: (SLOW, Demand(1, 50)), BULK: (Limit(0.001, burst=3), Demand(1, 50))}
    assert {name: given.count for name, given in buckets.borrow(wanted).items()} == {MX: 10, BULK: 3}
    assert borrow(buckets, SLOW, 5, of=Gate(GateKind.RELAY, "bulk")).count == 5


def test_it_fills_by_the_time_of_the_database(scene: Scene, buckets: Buckets) -> None:
    limit = Limit(rate=1.0, burst=1000)
    assert borrow(buckets, limit, 1000).count == 1000
    set_row(scene, tokens_at=ago(100))
    assert borrow(buckets, limit, 1000).count == pytest.approx(100, abs=60)


def test_daemons_that_borrow_at_once_have_together_what_was_there(scene: Scene, rival: Scene) -> None:
    limit = Limit(rate=0.001, burst=500)
    taken: list[int] = []

    def take(one: Scene) -> None:
        mine = Buckets(one.database)
        taken.extend(borrow(mine, limit, 7).count for _ in range(20))

    with scene.another() as third:
        at_once(*(lambda one=one: take(one) for one in (scene, rival, third, scene)))
    assert sum(taken) == 500


def test_an_instant_that_is_older_than_the_rows_counts_no_time_twice(scene: Scene, buckets: Buckets) -> None:
    borrow(buckets, SLOW, 10)
    set_row(scene, tokens_at=ago(-5))
    ahead = row(scene).tokens_at
    assert borrow(buckets, SLOW, 1).count == 0
    assert ahead == row(scene).tokens_at


def test_a_clock_of_the_database_that_was_set_back_stops_nothing(scene: Scene, buckets: Buckets) -> None:
    borrow(buckets, SLOW, 9)
    set_row(scene, tokens_at=ago(-7200))
    ahead = row(scene).tokens_at
    assert borrow(buckets, SLOW, 1).count == 1
    assert ahead > row(scene).tokens_at


def test_a_quota_counts_a_day_of_the_database_and_has_back_what_was_not_used(
    scene: Scene, buckets: Buckets
) -> None:
    limit = Limit(quota=10)
    assert [borrow(buckets, limit, 8).count for _ in range(2)] == [8, 2]
    spent = borrow(buckets, limit, 1)
    assert (spent.count, spent.short_of) == (0, "quota")
    assert 0 < spent.wait <= DAY
    assert borrow(buckets, limit, 5, unused=3, day=spent.day).count == 3
    set_row(scene, quota_day=date(2001, 2, 3))
    assert borrow(buckets, limit, 4).count == 4
    assert (row(scene).quota_used, row(scene).quota_day > date(2001, 2, 3)) == (4, True)


def test_a_day_has_nothing_back_of_what_was_borrowed_on_the_day_before(buckets: Buckets) -> None:
    limit = Limit(quota=10)
    today = borrow(buckets, limit, 8).day
    assert borrow(buckets, limit, 0, unused=8, day=today - timedelta(days=1)).used == 8
    assert borrow(buckets, limit, 0, unused=8, day=today).used == 0


def test_what_a_gate_is_short_of_is_seen_with_its_end_and_since_when(scene: Scene, buckets: Buckets) -> None:
    borrow(buckets, SLOW, 50)
    first = row(scene)
    assert (first.short_of, first.short_until > first.short_since) == ("rate", True)
    borrow(buckets, SLOW, 50)
    assert first.short_since == row(scene).short_since
    assert waits(scene) == [("relay", "mx", "rate")]
    set_row(scene, tokens=10.0)
    borrow(buckets, SLOW, 1)
    assert (row(scene).short_of, row(scene).short_since, row(scene).short_until) == (None, None, None)
    assert waits(scene) == []


def test_every_wait_of_a_gate_is_one_row(scene: Scene, buckets: Buckets) -> None:
    borrow(buckets, Limit(quota=1), 5, of=BULK)
    borrow(buckets, SLOW, 1)
    set_row(scene, opened_at=ago(9), open_until=ago(-9), paused_at=ago(1), pace=3.0, paced_at=ago(60))
    assert waits(scene) == [
        ("relay", "mx", "paused"),
        ("relay", "mx", "relay_down"),
        ("relay", "mx", "throttled"),
        ("stream", "bulk", "quota"),
    ]
    set_row(scene, opened_at=None, open_until=None, paused_at=None, paced_at=ago(DAY))
    set_row(scene, BULK, short_until=ago(3))
    assert waits(scene) == []


def test_a_relay_that_says_slow_down_gets_half_of_what_passes(scene: Scene, buckets: Buckets) -> None:
    assert buckets.slow_down("mx", Limit(rate=40.0), 100.0) == pytest.approx(20.0)
    assert buckets.slow_down("mx", Limit(rate=40.0), 100.0) is None
    set_row(scene, paced_at=ago(10))
    assert buckets.slow_down("mx", Limit(rate=40.0), 100.0) == pytest.approx(10.0, abs=2.0)


def test_without_a_limit_the_pace_of_all_daemons_is_halved(scene: Scene, buckets: Buckets) -> None:
    for _ in range(3):
        scene.start()
    with_mine = buckets.slow_down("mx", ANY, 10.0)
    assert with_mine is not None
    assert with_mine >= 15.0
    assert with_mine % 5.0 == 0


def test_a_lowered_pace_is_what_the_gate_lends_by(scene: Scene, buckets: Buckets) -> None:
    borrow(buckets, Limit(rate=1000.0), 1)
    set_row(scene, pace=0.001, paced_at=ago(0))
    borrow(buckets, Limit(rate=1000.0), 100)
    assert borrow(buckets, Limit(rate=1000.0), 100).count == 0
    set_row(scene, paced_at=ago(DAY), tokens_at=ago(60))
    assert borrow(buckets, Limit(rate=1000.0), 100).count == 100


def test_neither_a_loan_nor_a_lowered_pace_changes_a_gate_of_the_same_kind_or_name(
    scene: Scene, buckets: Buckets
) -> None:
    others = [Gate(GateKind.RELAY, "other"), Gate(GateKind.STREAM, "mx")]
    for other in others:
        borrow(buckets, SLOW, 1, of=other)
    before = [row(scene, other) for other in others]
    assert borrow(buckets, SLOW, 5).count == 5
    assert buckets.slow_down("mx", Limit(rate=40.0), 100.0) == pytest.approx(20.0)
    assert before == [row(scene, other) for other in others]


def test_only_daemons_that_live_are_taken_to_send_as_much(scene: Scene, buckets: Buckets) -> None:
    _, _, silent = (scene.start() for _ in range(3))
    scene.start(SessionState.STOPPED)
    with scene.admin.begin() as connection:
        connection.execute(update(session).where(session.c.id == silent).values(beat_at=ago(DAY)))
    assert buckets.slow_down("mx", ANY, 10.0) == pytest.approx(2 * 10.0 / 2)
