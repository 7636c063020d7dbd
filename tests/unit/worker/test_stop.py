"""Told once the daemon drains, told twice it leaves."""

import asyncio
import os
import signal

from outbox.worker.stop import Stop
from tests.unit.worker.held import run


def test_the_first_word_drains_and_the_second_leaves() -> None:
    seen: list[tuple[bool, bool]] = []
    stop = Stop(lambda: seen.append((stop.draining, stop.leaving)))
    assert (stop.draining, stop.leaving) == (False, False)
    for _ in range(3):
        stop.ask()
    assert seen == [(True, False), (True, True), (True, True)]


def test_sigterm_and_sigint_ask() -> None:
    async def told() -> Stop:
        changed = asyncio.Event()
        stop = Stop(changed.set)
        stop.listen(asyncio.get_running_loop())
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), number)
            await changed.wait()
            changed.clear()
        return stop

    stop = asyncio.run(told())
    assert (stop.draining, stop.leaving) == (True, True)


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
