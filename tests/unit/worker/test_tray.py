"""Parcels wait on the tray for senders, and senders for parcels; nobody is forgotten."""

import asyncio

from outbox.worker.tray import Tray
from tests.unit.worker.held import PARCELS, claim, lease, parcel, run


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


def test_only_a_parcel_that_is_still_here_can_be_removed() -> None:
    tray = Tray(lambda: 9, lambda: None)
    tray.put(PARCELS[:3])
    assert tray.remove(PARCELS[1])
    assert not tray.remove(PARCELS[1])
    assert [PARCELS[0], PARCELS[2], None] == [tray.take() for _ in range(3)]
