"""Parcels wait on the tray for senders, and senders for parcels; nobody is forgotten."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from outbox.mail.status import Lane, OnDoubt
from outbox.worker.parcel import Parcel
from outbox.worker.tray import Tray
from tests.unit.worker.held import claim, lease, message, parcel, rescued, run

PARCELS = [parcel(claim(n)) for n in range(8)]


def test_parcels_are_taken_in_the_order_in_which_they_were_put() -> None:
    tray = Tray(lambda: 9, lambda: None)
    tray.put(PARCELS[:2])
    tray.put(PARCELS[2:3])
    assert tray.enter()
    assert PARCELS[:3] == [tray.take() for _ in range(3)]
    assert (tray.take(), tray.ready) == (None, 0)


def test_no_more_senders_work_than_the_width_allows_at_this_moment() -> None:
    width = 1
    tray = Tray(lambda: width, lambda: None)
    tray.put(PARCELS)
    assert tray.enter()
    assert not tray.enter()
    width = 2
    assert tray.enter()
    tray.leave()
    assert tray.enter()
    width = 0
    tray.leave()
    assert not tray.enter()


def test_a_sender_at_work_gets_no_more_when_it_is_one_too_many() -> None:
    width = 2
    tray = Tray(lambda: width, lambda: None)
    tray.put(PARCELS)
    assert tray.enter()
    assert tray.enter()
    assert tray.take()
    width = 1
    assert tray.take() is None
    tray.leave()
    assert tray.take()


def test_a_sender_that_has_waited_long_for_an_answer_is_not_counted_until_it_comes() -> None:
    tray = Tray(lambda: 1, lambda: None)
    tray.put(PARCELS)
    assert tray.enter()
    assert tray.take()
    tray.step_aside(PARCELS[0])
    assert tray.enter()
    assert tray.take()
    assert (tray.enter(), tray.carrying) == (False, 2)
    tray.step_back()
    # One of the two is one too many: whoever asks first leaves.
    assert tray.take() is None
    tray.leave()
    assert tray.take()
    assert not tray.enter()


def test_the_loop_and_the_waiting_senders_hear_of_one_that_steps_aside() -> None:
    calls: list[str] = []

    async def scene() -> None:
        tray = Tray(lambda: 1, lambda: calls.append("look"))
        tray.put(PARCELS)
        tray.enter()
        waiting = asyncio.create_task(tray.changed())
        await asyncio.sleep(0)
        tray.step_aside(PARCELS[0])
        await waiting

    run(scene())
    assert calls == ["look"]


def test_a_tray_is_busy_while_there_is_something_to_take_or_somebody_who_works() -> None:
    tray = Tray(lambda: 9, lambda: None)
    seen = [tray.busy]
    tray.put(PARCELS[:1])
    seen.append(tray.busy)
    tray.enter()
    tray.take()
    seen.append(tray.busy)
    tray.leave()
    seen.append(tray.busy)
    assert seen == [False, True, True, False]


def test_a_rescued_parcel_that_waits_for_its_announcement_makes_nobody_busy() -> None:
    tray = Tray(lambda: 9, lambda: None)
    suspect = parcel(rescued(9))
    tray.put([suspect])
    assert tray.busy
    tray.enter()
    tray.take()
    tray.leave()
    assert not tray.busy
    tray.announced(suspect)
    assert tray.busy


def test_no_more_senders_connect_than_parcels_wait_for_them() -> None:
    tray = Tray(lambda: 9, lambda: None)
    tray.put(PARCELS[:2])
    for _ in range(2):
        assert tray.enter()
        tray.dial()
    assert not tray.enter()
    assert tray.carrying == 0
    tray.arrive()
    assert tray.take()
    assert (tray.enter(), tray.carrying) == (False, 1)


def test_a_sender_with_a_connection_or_a_parcel_waits_for_nobody_elses_connecting() -> None:
    tray = Tray(lambda: 9, lambda: None)
    tray.put(PARCELS[:1])
    assert tray.enter()
    tray.dial()
    assert not tray.enter()
    assert tray.enter(connected=True)
    assert tray.enter(returning=True)
    assert tray.take()
    assert not tray.enter(connected=True)


def test_an_empty_tray_lets_in_only_who_has_a_parcel_of_its_own() -> None:
    tray = Tray(lambda: 1, lambda: None)
    assert not tray.enter()
    assert tray.enter(returning=True)


def test_the_loop_is_called_when_a_third_of_what_was_ready_is_gone() -> None:
    calls: list[int] = []
    tray = Tray(lambda: 9, lambda: calls.append(tray.ready))
    tray.put(PARCELS)
    for _ in range(2):
        tray.take()
    assert calls == []
    tray.take()
    assert calls == [5]
    tray.take()
    assert calls == [5, 4]


def test_what_one_lease_holds_can_be_taken_out_and_the_rest_stays() -> None:
    mine, other = lease(), lease()
    tray = Tray(lambda: 9, lambda: None)
    first, second, third = (parcel(claim(n), under=one) for n, one in enumerate([mine, other, mine]))
    tray.put([first, second, third])
    assert [first, third] == tray.empty(lambda parcel: parcel.lease is mine)
    assert [second] == tray.empty()
    assert tray.ready == 0


def test_waiting_senders_wake_when_parcels_come() -> None:
    async def scene() -> list[str]:
        woken: list[str] = []
        tray = Tray(lambda: 9, lambda: None)

        async def wait(name: str) -> None:
            await tray.changed()
            woken.append(name)

        async with asyncio.TaskGroup() as group:
            for name in "ab":
                group.create_task(wait(name))
            await asyncio.sleep(0)
            assert woken == []
            tray.put(PARCELS[:1])
        return woken

    assert run(scene()) == ["a", "b"]


def test_a_turn_that_is_given_back_wakes_those_who_wait_for_it() -> None:
    async def scene() -> None:
        tray = Tray(lambda: 1, lambda: None)
        tray.put(PARCELS)
        tray.enter()
        waiting = asyncio.create_task(tray.changed())
        await asyncio.sleep(0)
        tray.leave()
        await waiting

    run(scene())


def test_a_sender_that_gave_up_waiting_is_passed_by() -> None:
    async def scene() -> None:
        tray = Tray(lambda: 1, lambda: None)
        gone, waiting = (asyncio.create_task(tray.changed()) for _ in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        tray.stir()
        await waiting

    run(scene())


def test_closing_wakes_all_and_leaves_what_is_ready() -> None:
    async def scene() -> None:
        tray = Tray(lambda: 1, lambda: None)
        tray.put(PARCELS[:1])
        waiting = asyncio.create_task(tray.changed())
        await asyncio.sleep(0)
        assert not tray.closed
        tray.close()
        await waiting
        assert (tray.closed, tray.ready) == (True, 1)

    run(scene())


def test_a_rest_ends_with_its_time_or_with_the_tray() -> None:
    async def scene() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        tray = Tray(lambda: 1, lambda: None)
        await tray.rest(3.0)
        rested = loop.time()
        resting = asyncio.create_task(tray.rest(60.0))
        await asyncio.sleep(1.0)
        tray.close()
        await resting
        return rested, loop.time()

    assert run(scene()) == (3.0, 4.0)


def test_a_rescued_parcel_goes_before_the_others_once_it_is_announced() -> None:
    tray = Tray(lambda: 9, lambda: None)
    suspect = parcel(rescued(9))
    suspect.announced = True
    tray.put([*PARCELS[:2], suspect])
    assert [suspect, *PARCELS[:2]] == [tray.take() for _ in range(3)]


def test_until_a_rescued_parcel_is_announced_the_ones_behind_it_are_given() -> None:
    tray = Tray(lambda: 9, lambda: None)
    suspect = parcel(rescued(9))
    tray.put([suspect, *PARCELS[:3]])
    assert tray.wanted == []
    assert PARCELS[:2] == [tray.take(), tray.take()]
    assert tray.wanted == [suspect]
    tray.announced(suspect)
    assert tray.wanted == []
    assert [suspect, PARCELS[2], None] == [tray.take() for _ in range(3)]


def test_the_loop_is_called_once_for_the_announcement_of_a_rescued_parcel() -> None:
    calls: list[str] = []
    tray = Tray(lambda: 9, lambda: calls.append("look"))
    tray.put([parcel(rescued(9))])
    assert [tray.take() for _ in range(3)] == [None] * 3
    assert calls == ["look"]


def test_while_an_announcement_is_awaited_only_who_finds_something_else_may_enter() -> None:
    tray = Tray(lambda: 9, lambda: None)
    tray.put([parcel(rescued(9))])
    assert tray.enter(connected=True)
    assert tray.take() is None
    tray.leave()
    # Who has asked for it would only ask again, for as long as the database takes to answer.
    assert [tray.enter(), tray.enter(connected=True)] == [False, False]
    assert tray.enter(returning=True)
    tray.put(PARCELS[:1])
    assert tray.enter(connected=True)
    assert PARCELS[0] is tray.take()
    assert not tray.enter(connected=True)


@pytest.mark.parametrize(
    "take_out",
    [
        lambda tray, suspect: tray.remove(suspect),
        lambda tray, suspect: tray.empty(lambda one: one is suspect),
    ],
)
def test_what_was_wanted_and_is_taken_out_is_not_announced(
    take_out: Callable[[Tray, Parcel], object],
) -> None:
    tray = Tray(lambda: 9, lambda: None)
    suspect = parcel(rescued(9))
    tray.put([suspect, *PARCELS[:1]])
    tray.take()
    assert tray.wanted == [suspect]
    take_out(tray, suspect)
    assert tray.wanted == []


def test_only_a_parcel_that_is_still_here_can_be_removed() -> None:
    tray = Tray(lambda: 9, lambda: None)
    tray.put(PARCELS[:3])
    assert tray.remove(PARCELS[1])
    assert not tray.remove(PARCELS[1])
    assert [PARCELS[0], PARCELS[2], None] == [tray.take() for _ in range(3)]


def retries(count: int) -> list[Parcel]:
    return [parcel(claim(100 + n, lane=Lane.RETRY)) for n in range(count)]


def test_fault_85_retries_are_given_to_half_of_the_senders_and_the_rest_takes_what_is_behind_them() -> None:
    tray = Tray(lambda: 4, lambda: None)
    put_off = retries(5)
    tray.put([*put_off, *PARCELS[:2]])
    assert (tray.ready, tray.retries) == (7, 5)
    assert [put_off[0], put_off[1], *PARCELS[:2], None] == [tray.take() for _ in range(5)]
    assert (tray.ready, tray.retries) == (3, 3)
    # Nobody need look in vain.
    assert not tray.enter(connected=True)
    tray.done(PARCELS[0])
    assert tray.take() is None
    tray.done(put_off[0])
    assert tray.enter(connected=True)
    assert [put_off[2], None] == [tray.take(), tray.take()]


def test_a_single_sender_sends_retries_too() -> None:
    tray = Tray(lambda: 1, lambda: None)
    first, second = retries(2)
    tray.put([first, second])
    assert [first, None] == [tray.take(), tray.take()]
    tray.done(first)
    assert tray.take() is second


def test_what_is_done_twice_or_was_never_begun_makes_no_room() -> None:
    tray = Tray(lambda: 2, lambda: None)
    first, second, third = retries(3)
    tray.put([first, second, third])
    assert tray.take() is first
    tray.done(second)
    assert tray.take() is None
    tray.done(first)
    tray.done(first)
    assert [second, None] == [tray.take(), tray.take()]


def test_retries_that_are_taken_out_are_not_counted_any_more() -> None:
    tray = Tray(lambda: 2, lambda: None)
    first, second, third = retries(3)
    tray.put([first, second, third])
    assert tray.remove(first)
    assert [second] == tray.empty(lambda one: one is second)
    assert (tray.ready, tray.retries) == (1, 1)
    assert tray.take() is third
    assert (tray.ready, tray.retries) == (0, 0)


def test_a_sender_that_waits_is_woken_when_the_next_retry_may_go() -> None:
    async def scene() -> bool:
        tray = Tray(lambda: 2, lambda: None)
        first, second = retries(2)
        tray.put([first, second])
        tray.take()
        waiting = asyncio.create_task(tray.changed())
        await asyncio.sleep(0)
        tray.done(first)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return waiting.done()

    assert run(scene())


def test_a_retry_that_waits_long_for_the_answer_to_its_dot_leaves_its_place_to_another() -> None:
    tray = Tray(lambda: 1, lambda: None)
    first, second, third = retries(3)
    tray.put([first, second, third])
    assert tray.enter(connected=True)
    assert tray.take() is first
    tray.step_aside(first)
    assert tray.enter(connected=True)
    assert tray.take() is second
    tray.step_back()
    tray.done(first)
    assert tray.take() is None
    tray.done(second)
    tray.leave()
    assert tray.take() is third


def test_fresh_mail_that_runs_low_beside_retries_that_wait_is_looked_for() -> None:
    calls: list[int] = []
    tray = Tray(lambda: 4, lambda: calls.append(tray.ready - tray.retries))
    tray.put([*retries(98), *PARCELS[:8]])
    tray.take()
    tray.take()
    calls.clear()
    for _ in range(8):
        assert tray.take() is not None
    assert calls[0] >= 5


def careful(count: int, lane: Lane = Lane.FRESH) -> list[Parcel]:
    """Return parcels of mails that must not go twice."""
    parcels = [parcel(claim(200 + n, lane=lane)) for n in range(count)]
    for each in parcels:
        each.message = replace(message(), on_doubt=OnDoubt.HOLD)
    return parcels


def test_what_must_not_go_twice_is_given_once_it_is_announced_and_each_sender_asks_for_one() -> None:
    tray = Tray(lambda: 2, lambda: None)
    first, second, third = careful(3)
    tray.put([first, second, *PARCELS[:1], third])
    assert (tray.ready, tray.wanted) == (4, [])
    assert tray.enter()
    assert tray.enter()
    assert [PARCELS[0], None] == [tray.take(), tray.take()]
    # No more than senders are there: what is announced and has not begun a killed daemon leaves in doubt.
    assert (tray.take(), tray.wanted) == (None, [first, second])
    tray.announced(first)
    assert tray.take() is first
    assert (tray.wanted, tray.ready) == ([second, third], 2)
    for each in (second, third):
        tray.announced(each)
        assert tray.take() is each
    assert (tray.ready, tray.wanted) == (0, [])


def test_nobody_looks_in_vain_for_what_waits_for_its_announcement() -> None:
    tray = Tray(lambda: 2, lambda: None)
    tray.put(careful(3))
    assert tray.enter(connected=True)
    assert tray.take() is None
    tray.leave()
    assert (tray.enter(connected=True), tray.busy) == (False, False)
    tray.announced(tray.wanted[0])
    assert tray.enter(connected=True)
    assert tray.take()


def test_retries_that_must_not_go_twice_are_announced_for_half_of_the_senders_only() -> None:
    tray = Tray(lambda: 4, lambda: None)
    put_off = retries(2)
    tray.put([*put_off, *careful(3, Lane.RETRY)])
    for _ in range(4):
        assert tray.enter()
    assert [*put_off, None] == [tray.take() for _ in range(3)]
    asked = len(tray.wanted)
    assert [tray.take(), len(tray.wanted)] == [None, asked]
    assert not tray.enter(connected=True)
    assert tray.retries == 3
    for each in tray.wanted:
        tray.announced(each)
    assert tray.take() is None
    tray.done(put_off[0])
    assert tray.take()


def test_what_was_taken_out_while_its_announcement_was_written_does_not_come_back() -> None:
    tray = Tray(lambda: 2, lambda: None)
    (one,) = careful(1)
    tray.put([one])
    tray.take()
    assert [one] == tray.empty()
    tray.announced(one)
    assert (tray.take(), tray.ready) == (None, 0)
