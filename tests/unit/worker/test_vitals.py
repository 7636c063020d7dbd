"""Whether a daemon is healthy and ready, by its own turns and by the parts that the watchdog is fed for."""

from dataclasses import dataclass
from typing import Any

import pytest

from outbox.worker.stop import Stop
from outbox.worker.tally import Tally
from outbox.worker.vitals import Vitals
from outbox.worker.watch import PATIENCE


@dataclass
class Part:
    moves_by: float


class Scene:
    """Vitals on a clock of their own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.stop = Stop(lambda: None)
        nothing: Any = None
        self.vitals = Vitals(Tally(), nothing, nothing, nothing, nothing, self.stop, lambda: self.now)

    def says(self) -> tuple[str | None, str | None]:
        return self.vitals.why_unhealthy(), self.vitals.why_not_ready()


def test_a_daemon_is_ready_when_it_has_looked_into_the_queue() -> None:
    scene = Scene()
    assert scene.says() == (None, "the daemon has not looked into the queue yet")
    scene.vitals.turned(reaches_database=False)
    assert scene.says() == (None, "the daemon has not looked into the queue yet")
    scene.vitals.turned(reaches_database=True)
    assert scene.says() == (None, None)


def test_without_its_database_it_is_healthy_and_not_ready() -> None:
    scene = Scene()
    scene.vitals.turned(reaches_database=True)
    scene.vitals.turned(reaches_database=False)
    assert scene.says() == (None, "the database does not answer")


@pytest.mark.parametrize("part", ["loop", "heartbeat", "recorder", "event loop"])
def test_with_a_part_that_is_late_for_long_it_is_neither(part: str) -> None:
    scene = Scene()
    scene.vitals.turned(reaches_database=True)
    scene.vitals.parts |= {"another": Part(900.0), part: Part(5.0)}
    scene.now = 5.0 + PATIENCE
    assert scene.says() == (None, None)
    scene.now += 1
    problem = f"stuck for more than 120 s: the {part}"
    assert scene.says() == (problem, problem)


def test_a_start_that_reads_for_long_is_healthy() -> None:
    scene = Scene()
    scene.now = 600.0
    assert scene.says() == (None, "the daemon has not looked into the queue yet")


def test_a_drain_is_healthy_as_long_as_its_parts_move() -> None:
    scene = Scene()
    scene.vitals.turned(reaches_database=True)
    scene.vitals.parts["recorder"] = recorder = Part(600.0)
    scene.stop.draining = True
    scene.now = 600.0
    assert scene.says() == (None, "the daemon is stopping")
    recorder.moves_by = 0.0
    assert scene.says() == ("stuck for more than 120 s: the recorder", "the daemon is stopping")
