"""Whether a daemon is healthy and ready, by its own turns."""

from typing import Any

from outbox.worker.stop import Stop
from outbox.worker.tally import Tally
from outbox.worker.vitals import STUCK, Vitals

POLL = 5.0


class Scene:
    """Vitals on a clock of their own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.stop = Stop(lambda: None)
        nothing: Any = None
        self.vitals = Vitals(Tally(), nothing, nothing, nothing, nothing, self.stop, POLL, lambda: self.now)

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


def test_without_a_turn_for_long_it_is_neither() -> None:
    scene = Scene()
    scene.vitals.turned(reaches_database=True)
    scene.now = POLL + STUCK
    assert scene.says() == (None, None)
    scene.now += 1
    problem = "no turn of the loop was over for 126 s"
    assert scene.says() == (problem, problem)


def test_a_drain_is_healthy_however_long_the_answer_to_a_dot_takes() -> None:
    scene = Scene()
    scene.vitals.turned(reaches_database=True)
    scene.stop.draining = True
    scene.now = 600.0
    assert scene.says() == (None, "the daemon is stopping")
