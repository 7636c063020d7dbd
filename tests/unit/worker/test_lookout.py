"""Before anything goes it is known what may, and whether the database knows what it knew."""

from types import SimpleNamespace
from typing import Any

import pytest

from outbox.worker.lookout import Lookout
from tests.unit.worker.held import lease, run


class Scene:
    """A lookout whose steps are written down; `epochs` are those of the database and of the journals."""

    def __init__(
        self,
        *epochs: int,
        notices: bool = False,
        due: bool = True,
        folder: str | None = None,
        fails: bool = False,
    ) -> None:
        self.steps: list[str] = []
        self.told: list[object] = []
        self.counted: list[int] = []
        self.met: list[int] = []
        permit = SimpleNamespace(
            must_look=lambda _: due,
            look=self._step("obey"),
            epoch=epochs[0],
            connects=0,
            meet=self.met.append,
        )
        replay = SimpleNamespace(
            notices="notices", look="read", answered=epochs[-1], database="one", counted=lambda _: 7
        )
        journal = SimpleNamespace(
            ended=[],
            folder=folder,
            turn=lambda *_: self.steps.append("turn"),
            counted=lambda _, count: self.counted.append(count),
        )
        self.permit: Any = permit
        self._fails = fails
        self._answers = {"notices": notices, "read": len(set(epochs)) > 1}
        anything: Any = SimpleNamespace
        self.lookout = Lookout(
            permit,  # type: ignore[arg-type] # what is asked of it
            anything(**vars(replay)),
            anything(**vars(journal)),
            anything(claimed=["a claim"], lapse=lambda _: self.steps.append("lapse")),
            anything(run=self._in_a_thread),
            anything(),
            lease,
        )

    def look(self) -> list[str]:
        run(self.lookout.look(lambda: self.steps.append("may take long")))
        return self.steps

    def _step(self, name: str) -> Any:
        async def step(*_: object) -> bool:
            self.steps.append(name)
            # Each reading may be the first over a new connection.
            self.permit.connects += 1
            return False

        return step

    async def _in_a_thread(self, work: str, *given: object) -> bool:
        self.steps.append(work)
        if self._fails:
            raise RuntimeError("gone away")
        if work == "notices":
            self.told.append(given[-1])
        return self._answers[work]


@pytest.mark.parametrize("notices", [False, True])
def test_nothing_goes_while_the_journals_are_read(notices: bool) -> None:  # noqa: FBT001
    told = ["obey"] if notices else []
    expected = ["obey", "notices", *told, "may take long", "read", "turn", "lapse", "obey"]
    assert expected == Scene(8, 7, notices=notices).look()


@pytest.mark.parametrize("notices", [False, True])
def test_fault_31_a_server_is_met_when_it_was_looked_at_over_connections_that_were_there_before(
    notices: bool,  # noqa: FBT001
) -> None:
    scene = Scene(8, 7, notices=notices)
    scene.look()
    assert scene.met == [0]
    assert scene.permit.connects == scene.steps.count("obey")


def test_fault_31_a_server_that_could_not_be_looked_at_is_not_met() -> None:
    scene = Scene(7, fails=True)
    with pytest.raises(RuntimeError, match="gone away"):
        scene.look()
    assert scene.met == []


def test_claims_tell_of_a_failover_only_where_a_journal_is_kept() -> None:
    without, kept = Scene(7), Scene(7, folder="a folder")
    without.look()
    kept.look()
    assert (without.told, kept.told) == ([[]], [["a claim"]])


def test_after_each_look_the_journal_learns_what_the_row_has_counted() -> None:
    scene = Scene(7)
    scene.look()
    assert scene.counted == [7]


def test_without_a_lapse_no_journal_is_read_and_nothing_takes_long() -> None:
    assert Scene(7).look() == ["obey", "notices", "read"]


def test_between_two_looks_nothing_is_asked() -> None:
    assert Scene(8, 7, due=False).look() == []
