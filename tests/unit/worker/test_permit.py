"""A daemon does what people allow, as they allowed it a second ago at most."""

from typing import Any

import pytest

from outbox.errors import EnvironmentMismatchError
from outbox.store.permission import Permission
from outbox.worker.permit import EVERY, Permit
from tests.unit.worker.held import NoThreads, run


class Scene:
    """A permit in `staging`, and what the database says."""

    connects = 1
    met = 0.0

    def __init__(self) -> None:
        self.found = Permission(environment="staging")
        self.reads = 0
        database, threads = self, NoThreads()
        self.heard: list[tuple[Permission, float]] = []
        hear = lambda *reading: self.heard.append(reading)  # noqa: E731
        self.answered = 0
        answered = lambda: self.answered  # noqa: E731
        self.permit = Permit(database, threads, "staging", hear, answered)  # type: ignore[arg-type] # this reads for it
        self.now = 100.0

    def read(self, _work: Any) -> Permission:
        self.reads += 1
        return self.found

    def look(self, **found: Any) -> bool:
        """Look a second later, when the database says this."""
        self.found = Permission(**{"environment": "staging"} | found)
        self.now += EVERY
        return run(self.permit.look(self.now))


def test_it_looks_once_a_second_and_tells_what_is_new() -> None:
    scene = Scene()
    scene.permit.meet(scene.connects)
    assert [scene.look(), scene.look(everything=True), scene.look(everything=True)] == [False, True, False]
    assert not scene.permit.must_look(scene.now + EVERY / 2)
    assert scene.permit.must_look(scene.now + EVERY)
    scene.connects += 1
    assert scene.permit.must_look(scene.now)
    scene.look(everything=True)
    # Only what was allowed is known by now, and not whether that server lacks anything.
    assert scene.permit.must_look(scene.now)
    scene.permit.meet(scene.connects)
    assert not scene.permit.must_look(scene.now)
    scene.permit.doubt()
    assert scene.permit.must_look(scene.now)
    assert scene.permit.forbids_all("mx") == "everything is paused"
    assert scene.reads == 4


def test_nothing_goes_before_this_daemon_has_read_its_journals_whoever_else_has() -> None:
    scene = Scene()
    assert scene.look(epoch=1)
    assert (scene.permit.forbids_all("mx") or "").endswith("this daemon has yet to read its journals")
    scene.answered = 1
    assert scene.permit.forbids_all("mx") is None


@pytest.mark.parametrize(
    ("found", "everything", "bulk", "summary"),
    [
        ({}, None, None, ""),
        ({"everything": True}, "everything is paused", "everything is paused", "everything is paused"),
        ({"relays": frozenset({"mx"})}, "relay mx is paused", "relay mx is paused", "paused relays: mx"),
        ({"relays": frozenset({"other"})}, None, None, ""),
        ({"streams": frozenset({"bulk", "a"})}, None, "stream bulk is paused", "paused streams: a, bulk"),
    ],
)
def test_what_is_paused_is_forbidden(
    found: dict[str, Any], everything: str | None, bulk: str | None, summary: str
) -> None:
    scene = Scene()
    scene.look(**found)
    permit = scene.permit
    assert (everything, bulk, None if everything is None else everything, summary) == (
        permit.forbids_all("mx"),
        permit.forbids("mx", "bulk"),
        permit.forbids("mx", "other"),
        permit.summary(["mx"]),
    )
    assert found.get("streams", frozenset()) == permit.paused


def test_fault_33_a_database_of_another_environment_forbids_everything_until_it_is_ours_again() -> None:
    scene = Scene()
    for environment in ("production", None):
        with pytest.raises(EnvironmentMismatchError):
            scene.look(environment=environment)
        assert scene.permit.forbids("mx", "any") == "the database is of another environment"
    assert scene.look()
    assert scene.permit.forbids_all("mx") is None


def test_what_is_paused_is_counted_by_kind_and_a_restore_beside_it() -> None:
    scene = Scene()
    nothing = {"all": 0, "relay": 0, "stream": 0, "restore": 0}
    assert scene.permit.pauses == nothing
    scene.look(everything=True, relays=frozenset({"mx"}), streams=frozenset({"bulk", "news"}))
    assert scene.permit.pauses == {"all": 1, "relay": 1, "stream": 2, "restore": 0}
    for found in ({"restored": True}, {"unanswered": ("other",)}, {"epoch": 1}):
        scene.look(**found)
        assert scene.permit.pauses == nothing | {"restore": 1}
