"""One breaker a relay for all daemons of a database: of several that decide the same, one has done it."""

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from outbox.store.breakers import Breakers, Shared
from outbox.store.schema import gate
from tests.contract.crowd import at_once
from tests.contract.scene import Scene, ago

if TYPE_CHECKING:
    from collections.abc import Callable

ME, OTHER = uuid4(), uuid4()


@pytest.fixture
def breakers(scene: Scene) -> Breakers:
    return Breakers(scene.database)


def set_row(scene: Scene, **values: Any) -> None:
    with scene.admin.begin() as connection:
        connection.execute(update(gate).values(values))


def others(scene: Scene) -> list[Any]:
    with scene.admin.connect() as connection:
        return list(connection.execute(select(gate).where(gate.c.name != "mx")))


def opened(scene: Scene, breakers: Breakers, *, is_over: bool = True) -> None:
    """Open the breaker of `mx`; its wait is over, or is one of a minute."""
    assert breakers.open("mx", 60.0, seen=0)
    if is_over:
        set_row(scene, open_until=ago(0.001))


def test_a_relay_that_nobody_has_met_is_not_open(breakers: Breakers) -> None:
    assert breakers.read("mx") == Shared()


def test_who_opens_it_opens_it_for_all_and_counts_one_wait(rival: Scene, breakers: Breakers) -> None:
    assert breakers.open("mx", 60.0, seen=0)
    seen = Breakers(rival.database).read("mx")
    assert seen.open_for == pytest.approx(60, abs=30)
    assert (seen.waits, seen.probe_for) == (1, 0.0)
    assert Breakers(rival.database).read("other") == Shared()


def test_an_open_one_is_not_opened_again_nor_one_that_has_opened_since(breakers: Breakers) -> None:
    assert breakers.open("mx", 60.0, seen=0)
    assert not breakers.open("mx", 1.0, seen=1)
    assert breakers.close("mx", seen=1)
    assert not breakers.open("mx", 1.0, seen=0)
    assert breakers.open("mx", 1.0, seen=1)
    assert breakers.read("mx").waits == 2


def test_nobody_probes_before_the_wait_is_over(scene: Scene, breakers: Breakers) -> None:
    opened(scene, breakers, is_over=False)
    assert not breakers.probe("mx", ME, 45.0)


def test_there_is_nothing_to_probe_at_a_closed_one(breakers: Breakers) -> None:
    assert not breakers.probe("mx", ME, 45.0)
    breakers.open("mx", 0.0, seen=0)
    breakers.close("mx", seen=1)
    assert not breakers.probe("mx", ME, 45.0)


def test_of_many_who_would_probe_at_once_one_does(scene: Scene, rival: Scene, breakers: Breakers) -> None:
    opened(scene, breakers)
    winners: list[int] = []

    def probe(one: Scene, number: int) -> None:
        if Breakers(one.database).probe("mx", uuid4(), 45.0):
            winners.append(number)

    with scene.another() as third:
        crowd = [scene, rival, third] * 4
        at_once(*(lambda one=one, n=n: probe(one, n) for n, one in enumerate(crowd)))
    assert len(winners) == 1
    assert breakers.read("mx").probe_for == pytest.approx(45, abs=30)


def test_the_probe_of_a_daemon_that_died_is_free_when_its_time_is_over(
    scene: Scene, breakers: Breakers
) -> None:
    opened(scene, breakers)
    assert [breakers.probe("mx", OTHER, 45.0) for _ in range(2)] == [True, True]
    assert not breakers.probe("mx", ME, 45.0)
    set_row(scene, probe_until=ago(0.001))
    assert breakers.read("mx").probe_for == 0
    assert breakers.probe("mx", ME, 45.0)
    # What the other one still says is said of an older probe.
    assert not breakers.failed("mx", OTHER, 60.0)
    assert not breakers.leave("mx", OTHER)
    assert breakers.read("mx").prober == ME


def test_a_probe_that_failed_lets_all_wait_again(scene: Scene, breakers: Breakers) -> None:
    opened(scene, breakers)
    assert breakers.probe("mx", ME, 45.0)
    assert breakers.failed("mx", ME, 60.0)
    seen = breakers.read("mx")
    assert seen.open_for == pytest.approx(60, abs=30)
    assert (seen.waits, seen.prober) == (2, None)
    assert not breakers.probe("mx", OTHER, 45.0)


def test_a_probe_that_is_left_is_the_next_ones_at_once(scene: Scene, breakers: Breakers) -> None:
    opened(scene, breakers)
    assert breakers.probe("mx", ME, 45.0)
    assert breakers.leave("mx", ME)
    assert breakers.probe("mx", OTHER, 45.0)


def test_a_judged_mail_closes_it_for_all_also_beside_the_probe_of_another(
    scene: Scene, breakers: Breakers
) -> None:
    opened(scene, breakers)
    assert breakers.probe("mx", OTHER, 45.0)
    assert breakers.close("mx", seen=1)
    assert not breakers.close("mx", seen=1)
    assert breakers.read("mx") == Shared(open_for=None, waits=1)
    assert not breakers.failed("mx", OTHER, 60.0)
    assert breakers.read("mx").open_for is None


def test_a_mail_that_was_judged_before_it_opened_again_does_not_close_it(
    scene: Scene, breakers: Breakers
) -> None:
    opened(scene, breakers)
    breakers.probe("mx", ME, 45.0)
    breakers.failed("mx", ME, 60.0)
    assert not breakers.close("mx", seen=1)
    assert breakers.read("mx").open_for is not None


def test_waits_are_forgotten_at_a_closed_one_only(scene: Scene, breakers: Breakers) -> None:
    opened(scene, breakers)
    assert not breakers.forget("mx")
    breakers.close("mx", seen=1)
    assert breakers.forget("mx")
    assert not breakers.forget("mx")
    assert breakers.read("mx").waits == 0


def test_each_move_is_of_one_relay_alone(scene: Scene, breakers: Breakers) -> None:
    for relay in ("mx", "other"):
        assert breakers.open(relay, 60.0, seen=0)
    closed = {"opened_at": None, "open_until": None, "prober": None, "probe_until": None, "waits": 1}
    tried = closed | {"opened_at": ago(60), "open_until": ago(1)}
    mine = tried | {"prober": ME, "probe_until": ago(-60)}
    moves: list[tuple[dict[str, Any], Callable[[], bool]]] = [
        (closed, lambda: breakers.open("mx", 60.0, seen=1)),
        (tried, lambda: breakers.probe("mx", ME, 45.0)),
        (mine, lambda: breakers.failed("mx", ME, 60.0)),
        (mine, lambda: breakers.leave("mx", ME)),
        (tried, lambda: breakers.close("mx", seen=1)),
        (closed, lambda: breakers.forget("mx")),
    ]
    for both, move in moves:
        set_row(scene, **both)
        before = others(scene)
        assert move()
        assert before == others(scene)
