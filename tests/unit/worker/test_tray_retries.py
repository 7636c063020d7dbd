"""Retries are given to half of the senders at most, and fresh mail finds its way past them."""

import asyncio

from outbox.worker.tray import Tray
from tests.unit.worker.held import PARCELS, retries, run


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
