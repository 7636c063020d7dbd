"""Told once the daemon drains, told twice it leaves."""

import asyncio

from outbox.worker.stop import Stop
from tests.unit.worker.held import run


def test_the_first_word_drains_and_the_second_leaves() -> None:
    seen: list[tuple[bool, bool]] = []
    stop = Stop(lambda: seen.append((stop.draining, stop.leaving)))
    assert (stop.draining, stop.leaving) == (False, False)
    for _ in range(3):
        stop.ask()
    assert seen == [(True, False), (True, True), (True, True)]


def test_one_that_only_makes_room_for_another_is_then_told_for_the_first_time() -> None:
    seen: list[tuple[bool, bool, bool]] = []
    stop = Stop(lambda: seen.append((stop.draining, stop.hands_over, stop.leaving)))
    stop.hand_over()
    stop.hand_over()
    for _ in range(2):
        stop.ask()
    stop.hand_over()
    assert seen == [(True, True, False), (True, False, False), (True, False, True)]


def test_it_waits_for_work_until_told_to_leave_and_then_for_the_grace() -> None:
    async def scene() -> list[object]:
        stop = Stop(lambda: None)
        loop = asyncio.get_running_loop()
        done, never = loop.create_future(), loop.create_future()
        loop.call_later(100, done.set_result, None)
        seen: list[object] = [await stop.wait(done), loop.time()]
        stop.ask()
        loop.call_later(50, stop.ask)
        seen += [await stop.wait(never, grace=5), loop.time()]
        return [*seen, await stop.wait(done)]

    assert run(scene()) == [True, 100, False, 155, True]
