"""Who had all that was wanted is asked again by one statement, which lends as the two do that weigh it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import event

from outbox.mail.rate import Demand, Grant, Limit
from outbox.store.buckets import Buckets, Gate
from outbox.store.schema import GateKind, gate
from tests.contract.crowd import at_once
from tests.contract.scene import Scene, ago
from tests.contract.test_buckets import BULK, MX, row, set_row

LIMIT = Limit(rate=0.001, burst=1000)
"""A thousand at once, and for the time of a test no more."""


def today() -> date:
    return datetime.now(UTC).date()


class Statements:
    """What is said to the database meanwhile, each by its first word."""

    def __init__(self, scene: Scene) -> None:
        self._engine = scene.database.engine
        self._alone = mock.patch.object(scene.database, "write_alone", self._note_alone)
        self._write_alone = scene.database.write_alone
        self.said: list[str] = []

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.said.append(statement.split(maxsplit=1)[0].rstrip(";"))

    def _note_alone(self, statement: str, parameters: Mapping[str, Any]) -> list[Any] | None:
        # Past SQLAlchemy, which does not tell of it.
        self.said.append(statement.split(maxsplit=1)[0])
        return self._write_alone(statement, parameters)

    def __enter__(self) -> list[str]:
        event.listen(self._engine, "before_cursor_execute", self._note)
        self._alone.start()
        return self.said

    def __exit__(self, *_: object) -> None:
        self._alone.stop()
        event.remove(self._engine, "before_cursor_execute", self._note)


def demand(count: int, **more: Any) -> Demand:
    return Demand(**{"least": 1, "most": count, "day": today(), **more})


def known(scene: Scene, *gates: Gate, limit: Limit = LIMIT) -> Buckets:
    """Return buckets which know that these gates had all that was wanted."""
    buckets = Buckets(scene.database)
    assert all(
        given.count == 1 for given in buckets.borrow({of: (limit, demand(1)) for of in gates}).values()
    )
    return buckets


@pytest.mark.parametrize("shared_url", ["postgresql"], indirect=True)
def test_what_two_gates_have_is_lent_by_one_statement_without_a_transaction_around_it(scene: Scene) -> None:
    buckets = known(scene, MX, BULK)
    with Statements(scene) as said:
        grants = buckets.borrow({MX: (LIMIT, demand(400)), BULK: (LIMIT, demand(7, coming=3))})
    assert said == ["WITH"]
    assert {of: (given.count, round(given.tokens or 0)) for of, given in grants.items()} == {
        MX: (400, 599),
        BULK: (10, 989),
    }
    assert (row(scene).quota_used, round(row(scene).tokens)) == (401, 599)


@pytest.mark.parametrize("shared_url", ["postgresql"], indirect=True)
def test_of_two_gates_one_is_lent_so_and_the_other_that_has_too_little_is_weighed(scene: Scene) -> None:
    buckets = known(scene, MX, BULK)
    wanted = {MX: (LIMIT, demand(10)), BULK: (LIMIT, demand(2000))}
    with Statements(scene) as said:
        grants = buckets.borrow(wanted)
    assert {of: given.count for of, given in grants.items()} == {MX: 10, BULK: 999}
    assert said == ["WITH", "BEGIN", "SELECT", "UPDATE"]
    # And the next time it is weighed at once.
    with Statements(scene) as said:
        buckets.borrow({BULK: (LIMIT, demand(1))})
    assert said == ["BEGIN", "SELECT", "UPDATE"]


CASES: dict[str, tuple[Limit, dict[str, Any], dict[str, Any]]] = {
    "plenty": (LIMIT, {"most": 300}, {"tokens": 800.0}),
    "all there is": (LIMIT, {"most": 500}, {"tokens": 500.0}),
    "one too many": (LIMIT, {"most": 501}, {"tokens": 500.0}),
    "a part is there": (LIMIT, {"most": 501, "least": 400}, {"tokens": 450.0}),
    "more may come": (LIMIT, {"most": 5, "coming": 40}, {"tokens": 50.0}),
    "more may come than is there": (LIMIT, {"most": 5, "coming": 60}, {"tokens": 50.0}),
    "filled by time": (replace(LIMIT, rate=10.0), {"most": 900}, {"tokens": 0.0, "tokens_at": ago(95)}),
    "full by time": (LIMIT, {"most": 1000}, {"tokens_at": ago(30_000_000)}),
    "with what it gives back": (LIMIT, {"most": 60, "back": 50.0}, {"tokens": 20.0}),
    "no more than a burst with that": (LIMIT, {"most": 10, "back": 50.0}, {"tokens": 990.0}),
    "an owing gate": (LIMIT, {"most": 1}, {"tokens": -3.0}),
    "it was short": (LIMIT, {"most": 9}, {"short_of": "rate", "short_since": ago(5), "short_until": ago(4)}),
    "ahead of the clock": (LIMIT, {"most": 9}, {"tokens_at": ago(-5)}),
    "far ahead of it": (LIMIT, {"most": 9}, {"tokens_at": ago(-7200)}),
    "a lowered pace": (LIMIT, {"most": 9}, {"pace": 2.0, "paced_at": ago(60)}),
    "a pace of yesterday": (LIMIT, {"most": 9}, {"pace": 0.0001, "paced_at": ago(86_500)}),
    "a quota that does": (replace(LIMIT, quota=100), {"most": 40}, {"quota_used": 60}),
    "a quota that does not": (replace(LIMIT, quota=100), {"most": 41}, {"quota_used": 60}),
    "a quota with what was not used": (
        replace(LIMIT, quota=100),
        {"most": 41, "unused": 1},
        {"quota_used": 60},
    ),
    "more back than was used": (LIMIT, {"most": 9, "unused": 99}, {"quota_used": 60}),
    "the quota of another day": (
        replace(LIMIT, quota=100),
        {"most": 9, "unused": 9},
        {"quota_used": 60, "quota_day": today() - timedelta(days=3)},
    ),
    "a day that is over": (
        LIMIT,
        {"most": 9, "unused": 9, "day": today() - timedelta(days=1)},
        {"quota_used": 60, "quota_day": today() - timedelta(days=1)},
    ),
    "unused of another day": (
        LIMIT,
        {"most": 9, "unused": 9, "day": today() - timedelta(days=1)},
        {"quota_used": 60},
    ),
    "of no day": (LIMIT, {"most": 9, "unused": 9, "day": None}, {"quota_used": 60}),
    "without a rate": (Limit(quota=100), {"most": 9}, {"quota_used": 60}),
}


@pytest.mark.parametrize("shared_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("limit", "wanted", "values"),
    [
        (LIMIT, {"most": 9}, {"pace": 2.0, "paced_at": ago(60)}),
        (LIMIT, {"most": 9, "coming": 90}, {"tokens": 50.0}),
        (replace(LIMIT, quota=100), {"most": 9}, {}),
        (Limit(quota=100), {"most": 9}, {}),
    ],
)
def test_a_gate_that_it_would_not_lend_is_not_asked_by_it_again(
    scene: Scene, limit: Limit, wanted: dict[str, Any], values: dict[str, Any]
) -> None:
    buckets = known(scene, MX)
    set_row(scene, tokens_at=ago(0), **values)
    buckets.borrow({MX: (limit, demand(0, **wanted))})
    with Statements(scene) as said:
        buckets.borrow({MX: (limit, demand(0, **wanted))})
    assert said == ["BEGIN", "SELECT", "UPDATE"]


AT_ONCE = {
    "plenty",
    "all there is",
    "more may come",
    "filled by time",
    "full by time",
    "with what it gives back",
    "no more than a burst with that",
    "it was short",
    "a pace of yesterday",
    "more back than was used",
}
"""What needs no more than the one statement, where a database has that."""


@pytest.mark.parametrize("shared_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("case", CASES)
def test_it_lends_as_who_weighs_each_gate(scene: Scene, case: str) -> None:
    limit, wanted, values = CASES[case]
    # The other gate has everything, in the same borrowing.
    asked = {MX: (limit, demand(0, **wanted)), BULK: (LIMIT, demand(3))}
    ends: list[tuple[dict[Gate, Grant], list[Any]]] = []
    for knows in (True, False):
        with scene.admin.begin() as connection:
            connection.execute(gate.delete())
        buckets = known(scene, MX, BULK)
        set_row(scene, **values)
        with Statements(scene) as said:
            grants = (buckets if knows else Buckets(scene.database)).borrow(asked)
        assert (said == ["WITH"]) == (knows and case in AT_ONCE)
        ends.append((grants, [row(scene, of) for of in (MX, BULK)]))
    (lent, left), (weighed, were_left) = ends
    for of, given in weighed.items():
        assert lent[of].tokens == pytest.approx(given.tokens, abs=2.0)
        assert lent[of].wait == pytest.approx(given.wait, rel=0.01, abs=5.0)
        assert replace(lent[of], tokens=0.0, wait=0.0) == replace(given, tokens=0.0, wait=0.0)
    for one, other in zip(left, were_left, strict=True):
        assert (one.quota_used, one.quota_day, one.short_of) == (
            other.quota_used,
            other.quota_day,
            other.short_of,
        )
        assert one.tokens == pytest.approx(other.tokens, abs=2.0)
        for instant in ("tokens_at", "short_since", "short_until"):
            mine, others = getattr(one, instant), getattr(other, instant)
            assert (mine is None) == (others is None)
            assert mine is None or abs(mine - others) < timedelta(seconds=60)


def test_daemons_that_borrow_of_two_gates_at_once_count_each_token(scene: Scene, rival: Scene) -> None:
    known(scene, MX, BULK)

    def take(one: Scene, gates: tuple[Gate, Gate]) -> None:
        mine = known(one, *gates)
        for _ in range(20):
            grants = mine.borrow({of: (LIMIT, demand(2)) for of in gates})
            assert [given.count for given in grants.values()] == [2, 2]

    with scene.another() as third:
        orders = [(scene, (MX, BULK)), (rival, (BULK, MX)), (third, (MX, BULK)), (scene, (BULK, MX))]
        at_once(*(lambda one=one, gates=gates: take(one, gates) for one, gates in orders))
    for of in (MX, BULK):
        assert row(scene, of).quota_used == 1 + 4 * 41
        assert row(scene, of).tokens == pytest.approx(1000 - 1 - 4 * 41, abs=1.0)


def test_what_has_only_its_kind_or_its_name_is_not_lent_of(scene: Scene) -> None:
    buckets = known(scene, BULK)
    others = [Gate(GateKind.RELAY, "bulk"), Gate(GateKind.STREAM, "another")]
    Buckets(scene.database).borrow({of: (LIMIT, demand(500)) for of in others})
    before = [row(scene, of) for of in others]
    given = buckets.borrow({BULK: (LIMIT, demand(5))})[BULK]
    assert given.count == 5
    assert given.tokens == pytest.approx(994.0, abs=1.0)
    assert before == [row(scene, of) for of in others]


@pytest.mark.parametrize("shared_url", ["postgresql"], indirect=True)
def test_where_the_answer_is_lost_it_is_weighed_and_nothing_is_given_back_twice(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    buckets = known(scene, MX)
    write_alone = scene.database.write_alone
    monkeypatch.setattr(scene.database, "write_alone", lambda *said: write_alone(*said) and None)
    (given,) = buckets.borrow({MX: (LIMIT, demand(400, back=1.0))}).values()
    # Of 999 tokens and the one that came back, both have taken.
    assert (given.count, round(given.tokens or 0)) == (400, 200)
