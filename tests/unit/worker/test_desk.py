"""While the breaker is open one mail is claimed at a time, and only if none in hand can try the relay."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from outbox.delivery.breaker import FIRST_WAIT
from outbox.delivery.relay import Pool
from outbox.delivery.retry import RetryPolicy
from outbox.mail.rate import ANY, Limit
from outbox.store.breakers import Shared
from outbox.store.database import Database
from outbox.worker.budget import Budget
from outbox.worker.desk import Desk
from outbox.worker.holdings import Holdings
from outbox.worker.journaling import Journaling
from outbox.worker.options import Options
from outbox.worker.tally import Tally
from tests.support.sending import relay_at
from tests.unit.worker.held import NoThreads, claim, lease, parcel, run
from tests.unit.worker.supplied import Queue

UNDER = lease()


def probing(limit: Limit = ANY, wake: Callable[[], None] = lambda: None) -> Any:
    """Return a desk with a queue of two mails, whose breaker has just opened."""
    relay = relay_at(25, pool=Pool(2), limit=limit)
    options = Options(relays=(relay,), policy=RetryPolicy())
    queue: Any = Queue(claim(1), claim(2))
    threads: Any = NoThreads()
    clearance: Any = SimpleNamespace(is_given=lambda _: True)
    recorder: Any = SimpleNamespace(put=None)
    desk: Any = Desk(
        relay,
        options,
        queue,
        Database("sqlite://"),
        threads,
        recorder,
        Journaling(None, relay.name),
        clearance,
        Holdings(queue, threads),
        Budget(),
        Tally(),
        lambda _: None,
        wake,
    )
    for _ in range(2):
        desk._breaker.fault(0.0, 0.0)
    desk._breaker.take_probe(0.0)
    return desk


def rooms(*steps: str, limit: Limit = ANY) -> list[int]:
    """Take these steps when the breaker lets one in; return the room before the first and after each."""

    async def work() -> list[int]:
        desk = probing(limit)
        await asyncio.sleep(FIRST_WAIT)
        seen = [desk._room.now(desk._now())]
        for step in steps:
            match step:
                case "claimed":
                    await desk._supply.claim(UNDER, 1, 0.0)
                case "loaded":
                    await desk._supply.load()
                case "taken":
                    assert desk._tray.enter()
                    assert desk._tray.take()
                case "silent":
                    desk._tray.step_aside(parcel())
                case "answered":
                    desk._tray.step_back()
                case _:
                    desk._tray.leave()
            seen.append(desk._room.now(desk._now()))
        return seen

    return run(work())


def test_a_probe_is_claimed_when_the_one_before_has_left_also_before_its_verdict_is_written() -> None:
    assert rooms("claimed", "loaded", "taken", "left") == [1, 0, 0, 0, 1]


def test_a_probe_is_claimed_beside_a_mail_whose_answer_is_late() -> None:
    assert rooms("claimed", "loaded", "taken", "silent", "answered", "left") == [1, 0, 0, 0, 1, 0, 1]


def test_beside_a_mail_whose_answer_is_late_there_is_one_probe_at_a_time() -> None:
    late = ["claimed", "loaded", "taken", "silent"]
    assert rooms(*late, "claimed", "loaded", "taken") == [1, 0, 0, 0, 1, 0, 0, 0]


def test_a_probe_that_waits_for_a_token_is_the_only_one() -> None:
    assert rooms("claimed", "loaded", limit=Limit(0.1)) == [1, 0, 0]


def test_nothing_is_claimed_as_a_probe_that_a_limit_would_give_back() -> None:
    async def work() -> int:
        desk = probing(Limit(quota=5))
        await asyncio.sleep(FIRST_WAIT)
        desk._allowance.relay_room = lambda _: 0
        room: int = desk._room.now(desk._now())
        return room

    assert run(work()) == 0


@pytest.mark.parametrize(
    ("hindrance", "asked"), [("none", 1), ("quota", 0), ("busy", 0), ("paused", 0), ("nothing due", 0)]
)
def test_the_probe_is_asked_for_only_where_it_can_be_used(hindrance: str, asked: int) -> None:
    calls: list[UUID] = []

    async def probe(me: UUID) -> bool:
        calls.append(me)
        return False

    async def work() -> None:
        desk = probing(Limit(quota=5))
        desk._breaker.leave_probe()
        desk._breaker.news = None
        desk._valve.probe = probe
        desk._queue.has_due = lambda **_: hindrance != "nothing due"
        await asyncio.sleep(FIRST_WAIT)
        match hindrance:
            case "quota":
                desk._allowance.relay_room = lambda _: 0
            case "busy":
                desk._tray._active = 1
            case "paused":
                desk._clearance.is_given = lambda _: False
        await desk.look(lambda: UNDER, frozenset())

    run(work())
    assert len(calls) == asked


def test_while_another_daemon_has_the_probe_nobody_reads_whether_there_is_mail_for_it() -> None:
    reads: list[Any] = []

    async def work() -> None:
        desk = probing()
        desk._breaker.leave_probe()
        desk._breaker.news = None
        desk._queue.has_due = lambda **given: reads.append(given)
        await asyncio.sleep(FIRST_WAIT)
        desk._valve.hear(Shared(open_for=0.0, waits=1, probe_for=45.0, prober=UUID(int=1)), desk._now())
        # Each batch of verdicts of another relay wakes this desk, too.
        await desk.look(lambda: UNDER, frozenset())

    run(work())
    assert reads == []


def test_fault_31_a_server_that_nobody_has_looked_at_is_looked_at_in_the_next_turn_at_once() -> None:
    async def work() -> float:
        desk = probing()
        desk._breaker.judged()
        desk._breaker.news = None
        desk._queue.unmet = True
        desk._outcome.keep = lambda *_: None
        wait: float = await desk.look(lambda: UNDER, frozenset())
        assert not desk._idle
        return wait

    assert run(work()) == 0.0


@pytest.mark.parametrize(("in_hand", "settled"), [(False, 1), (True, 0)])
def test_while_nothing_may_go_refusals_are_settled_that_more_mail_was_to_tell_of(
    *, in_hand: bool, settled: int
) -> None:
    calls: list[bool] = []

    async def work() -> float:
        desk = probing()
        desk._breaker.news = None
        desk._breaker.leave_probe()
        desk._breaker.news = None
        desk._outcome.settle_refusals = lambda: calls.append(True)
        if in_hand:
            desk._tray._active = 1
        wait: float = await desk.look(lambda: UNDER, frozenset())
        return wait

    assert run(work()) == Options(relays=(), policy=RetryPolicy()).poll_interval
    assert len(calls) == settled


@pytest.mark.parametrize(("hindrance", "settled"), [("a token", 0), ("the quota", 1), ("nothing", 1)])
def test_refusals_wait_for_the_next_token_of_a_slow_relay_as_more_mail_may_come_with_it(
    hindrance: str, settled: int
) -> None:
    calls: list[bool] = []

    async def work() -> None:
        desk = probing(Limit(1.0))
        desk._breaker.judged()
        desk._breaker.news = None
        desk._queue.claims = []
        desk._outcome.keep = lambda *_: None
        desk._outcome.settle_refusals = lambda: calls.append(True)
        purse = desk._allowance._purses[desk._allowance._relay]
        if hindrance != "nothing":
            purse.left, purse.asked_at = 0.0, desk._now()
        if hindrance == "the quota":
            purse.ask_at = desk._now() + 3600.0
        await desk.look(lambda: UNDER, frozenset())

    run(work())
    assert len(calls) == settled


@pytest.mark.parametrize(
    ("room", "held", "takes"), [(None, 0, True), (5, 0, True), (5, 9, True), (5, 10, False), (0, 0, False)]
)
def test_what_another_desk_hands_over_is_taken_where_the_limit_has_room(
    room: int | None, held: int, *, takes: bool
) -> None:
    async def work() -> bool:
        desk = probing(Limit(quota=5))
        desk._breaker.judged()
        desk._supply.held = lambda _=None: held
        desk._allowance.relay_room = lambda held: room and max(0, room - held)
        taken: bool = desk.takes(claim())
        return taken

    assert run(work()) == takes


def test_what_another_desk_hands_over_is_not_taken_where_its_stream_has_no_room() -> None:
    async def work() -> bool:
        desk = probing(Limit(quota=5))
        desk._breaker.judged()
        desk._allowance.room = lambda stream, _: {"default": 0}[stream]
        taken: bool = desk.takes(claim())
        return taken

    assert not run(work())


def test_what_another_desk_hands_over_does_not_wait_for_the_next_look() -> None:
    woken: list[bool] = []

    async def work() -> None:
        probing(wake=lambda: woken.append(True)).take(claim(1), UNDER, 0.0)

    run(work())
    assert woken == [True]
