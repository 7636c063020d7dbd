"""The watchdog is fed by progress alone, and each part has a word in it."""

import asyncio
import logging
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import pytest

from outbox.worker.notify import Notifier
from outbox.worker.watch import EVERY, PATIENCE, Watch, stuck
from tests.unit.worker.held import run

FED = "WATCHDOG=1"


@dataclass
class Part:
    moves_by: float = math.inf


class Heard(Notifier):
    """Keeps what the service manager hears, and when by the loop's clock."""

    def __init__(self, interval: float | None = None) -> None:
        super().__init__("/run/of/a/test", interval)
        self.words: list[tuple[float, str]] = []

    def _send(self, message: str) -> None:
        self.words.append((asyncio.get_running_loop().time(), message))


def hear(seconds: float, parts: Mapping[str, Part], interval: float | None = None) -> list[tuple[float, str]]:
    """Return what is heard of a daemon with these parts, whose status line is the second it is made in."""
    notifier = Heard(interval)
    watch = Watch(notifier, parts, lambda now: f"at {now:g}", lambda: None)

    async def scene() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await watch.run()

    run(scene())
    return notifier.words


def fed(heard: list[tuple[float, str]]) -> list[float]:
    return [at for at, word in heard if word == FED]


@pytest.mark.parametrize(("interval", "expected"), [(None, EVERY), (60.0, EVERY), (3.0, 1.5), (0.5, 0.25)])
def test_it_speaks_twice_at_least_in_the_time_that_the_watchdog_waits(
    interval: float | None, expected: float
) -> None:
    times = fed(hear(3 * expected + expected / 2, {"loop": Part()}, interval))
    assert times == [0, expected, 2 * expected, 3 * expected]


@pytest.mark.parametrize("stuck", ["loop", "heartbeat", "recorder"])
def test_fault_79_a_part_that_does_not_move_ends_the_feeding_and_is_named_once(
    stuck: str, caplog: pytest.LogCaptureFixture
) -> None:
    parts = {"loop": Part(), "heartbeat": Part(), "recorder": Part()}
    parts[stuck].moves_by = 7.0
    with caplog.at_level(logging.ERROR, "outbox"):
        heard = hear(7 + 2 * PATIENCE, parts)
    last = 7 + PATIENCE - (7 + PATIENCE) % EVERY
    assert max(fed(heard)) == last
    assert heard[-1][0] > last, "its status goes on"
    (told,) = caplog.records
    assert f"the {stuck} has been stuck for more than {PATIENCE:g} s" in told.getMessage()


def test_a_part_that_moves_again_is_fed_for_again() -> None:
    notifier, part = Heard(), Part(-PATIENCE - 1)
    watch = Watch(notifier, {"recorder": part}, lambda _: "", lambda: None)

    async def scene() -> None:
        watch.look(0.0)
        assert notifier.words == []
        part.moves_by = 0.0
        watch.look(0.0)

    run(scene())
    assert notifier.words == [(0.0, FED)]


def test_it_speaks_while_a_start_takes_long_and_no_longer() -> None:
    notifier = Heard()

    async def scene() -> str:
        watch = Watch(notifier, {}, lambda _: "starting")
        begun = await watch.during(asyncio.sleep(3 * PATIENCE, "begun"))
        await asyncio.sleep(3 * EVERY)
        return begun

    assert run(scene()) == "begun"
    assert fed(notifier.words)[-1] == pytest.approx(3 * PATIENCE, abs=EVERY)


def test_by_its_own_looks_others_see_that_the_event_loop_turns() -> None:
    watch = Watch(Heard(), {}, lambda _: "")
    parts = {"event loop": watch}

    async def scene() -> None:
        watching = asyncio.create_task(watch.run())
        await asyncio.sleep(10 * EVERY + EVERY / 2)
        watching.cancel()

    run(scene())
    last = 10 * EVERY + EVERY
    assert stuck(parts, last + PATIENCE) == []
    assert stuck(parts, last + PATIENCE + 1) == ["event loop"]


def test_the_status_line_is_shown_when_it_has_changed() -> None:
    notifier, lines = Heard(), iter(["a", "a", "b"])
    watch = Watch(notifier, {}, lambda _: next(lines), lambda: None)

    async def scene() -> None:
        for _ in range(3):
            watch.look(0.0)

    run(scene())
    assert [word for _, word in notifier.words if word != FED] == ["STATUS=a", "STATUS=b"]
