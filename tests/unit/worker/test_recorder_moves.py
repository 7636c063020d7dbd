"""The recorder tells by when it moves: to fail is to move, to hang while verdicts wait is not."""

import asyncio
import math
from typing import Any

from tests.unit.worker.held import lease, run, settlement
from tests.unit.worker.recorded import Queue, Scene


def test_nothing_is_expected_of_one_that_has_nothing_to_write() -> None:
    async def scene() -> list[float]:
        async with Scene(Queue()) as scene:
            seen = [scene.recorder.moves_by]
            scene.recorder.put(lease(), [settlement(1)])
            seen.append(scene.recorder.moves_by)
            await scene.recorder.drained()
            await asyncio.sleep(1)
            return [*seen, scene.recorder.moves_by]

    assert run(scene()) == [math.inf, 0.0, math.inf]


def test_fault_79_each_try_that_fails_is_a_move() -> None:
    async def scene() -> list[float]:
        async with Scene(Queue(failures=10**9)) as scene:
            scene.recorder.put(lease(), [settlement(1)])
            late = []
            for _ in range(100):
                await asyncio.sleep(10)
                late.append(asyncio.get_running_loop().time() - scene.recorder.moves_by)
            return late

    assert max(run(scene())) <= 10


def test_fault_79_a_write_that_never_ends_is_none_and_what_comes_later_does_not_hide_it() -> None:
    async def scene() -> float:
        async with Scene(Queue()) as scene:
            anything: Any = scene.recorder
            anything._threads.run = lambda *_, **__: asyncio.Event().wait()
            scene.recorder.put(lease(), [settlement(1)])
            await asyncio.sleep(1000)
            scene.recorder.put(lease(), [settlement(2)])
            return scene.recorder.moves_by

    assert run(scene()) == 0.0


def test_fault_79_nor_is_one_that_was_never_begun() -> None:
    async def scene() -> float:
        async with Scene(Queue()) as scene:
            scene.task.cancel()
            await asyncio.sleep(1000)
            scene.recorder.put(lease(), [settlement(1)])
            await asyncio.sleep(1000)
            return scene.recorder.moves_by

    assert run(scene()) == 1000.0
