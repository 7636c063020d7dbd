"""Before anything goes it is known what may, and whether the database knows what it knew."""

from types import SimpleNamespace
from typing import Any

import pytest

from outbox.worker.lookout import Lookout
from tests.unit.worker.held import lease, run


class Scene:
    """A lookout whose steps are written down; `epochs` are those of the database and of the journals."""

    def __init__(self, *epochs: int, notices: bool = False, due: bool = True) -> None:
        self.steps: list[str] = []
        permit = SimpleNamespace(must_look=lambda _: due, look=self._step("obey"), epoch=epochs[0])
        replay = SimpleNamespace(notices="notices", look="read", answered=epochs[-1], database="one")
        journal = SimpleNamespace(ended=[], folder=None, turn=lambda *_: self.steps.append("turn"))
        self._answers = {"notices": notices, "read": len(set(epochs)) > 1}
        anything: Any = SimpleNamespace
        self.lookout = Lookout(
            anything(**vars(permit)),
            anything(**vars(replay)),
            anything(),
            anything(**vars(journal)),
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
            return False

        return step

    async def _in_a_thread(self, work: str, *_: object) -> bool:
        self.steps.append(work)
        return self._answers[work]


@pytest.mark.parametrize("notices", [False, True])
def test_nothing_goes_while_the_journals_are_read(notices: bool) -> None:  # noqa: FBT001
    told = ["obey"] if notices else []
    expected = ["obey", "notices", *told, "may take long", "read", "turn", "obey"]
    assert expected == Scene(8, 7, notices=notices).look()


def test_without_a_lapse_no_journal_is_read_and_nothing_takes_long() -> None:
    assert Scene(7).look() == ["obey", "notices", "read"]


def test_between_two_looks_nothing_is_asked() -> None:
    assert Scene(8, 7, due=False).look() == []
