"""What the daemon before knows is held on where that is possible, and told to the recorder once."""

import logging
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from outbox.mail.status import Settlement
from outbox.worker.lease import Lease
from outbox.worker.past import Past
from tests.unit.worker.held import NoThreads, lease, run, settlement

ONE, TWO, THREE = settlement(1), settlement(2), settlement(3)


class Scene:
    """The past of a daemon whose predecessor knows `known`; the database lets it hold on `free`."""

    def __init__(
        self, *known: Settlement, free: tuple[int, ...] = (), left: Any = (), journal: bool = False
    ) -> None:
        self.gone, self.me = lease(), lease()
        self.put: list[tuple[Lease, list[int], bool]] = []
        self.held: list[int] = []
        remains = SimpleNamespace(
            take_over=lambda _me, _gone, told: [each for each in told if each.delivery_id in free]
        )
        anything: Any = SimpleNamespace
        self.past = Past(
            anything(folder="folder" if journal else None, turn=lambda *_: None),
            anything(begin=lambda _: None, database="one", answered=0),
            anything(settle=lambda *_: left),
            remains,  # type: ignore[arg-type] # what is asked of it
            anything(refused=lambda told: self.held.append(told.delivery_id)),
            NoThreads(),  # type: ignore[arg-type] # as above
            [(self.gone, each) for each in known],
        )

    def pass_on(self) -> list[tuple[Lease, list[int], bool]]:
        def put(lease: Lease, told: list[Settlement], *, again: bool = False) -> None:
            if told:
                self.put.append((lease, [each.delivery_id for each in told], again))

        async def work() -> None:
            await self.past.settle()
            await self.past.pass_on(self.me, SimpleNamespace(put=put))  # type: ignore[arg-type] # as above

        run(work())
        return self.put


def test_what_can_be_held_on_is_and_the_rest_is_told_under_the_lease_that_it_had(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = Scene(ONE, TWO, free=(1,))
    assert len(scene.past.known) == 2
    assert scene.pass_on() == [(scene.me, [1], True), (scene.gone, [2], True)]
    assert (scene.held, scene.past.known) == ([1], ())
    assert "left with 1 verdicts" in caplog.text


def test_what_a_journal_knows_too_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    dead = lease()
    other_words = [replace(each, detail="by the journal") for each in (ONE, TWO, THREE)]
    scene = Scene(ONE, TWO, free=(1,), left=[(dead, other_words)], journal=True)
    assert scene.pass_on() == [(scene.me, [1], True), (dead, [2, 3], False)]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
