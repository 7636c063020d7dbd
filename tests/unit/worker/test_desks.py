"""Each desk looks when its time has come or when it is woken, and a relay that is down wakes the others."""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from outbox.mail.route import Routes
from outbox.mail.stream import Stream, Streams
from outbox.worker.desks import Desks
from outbox.worker.lease import Lease
from tests.unit.worker.held import claim, lease, run

STREAMS = Streams({"default": Stream(("main", "backup")), "bulk": Stream(("backup",))})


class Desk:
    """Notes when it looked, and waits for as long as it was told."""

    def __init__(self, name: str, wait: float) -> None:
        self.relay = SimpleNamespace(name=name)
        self.wait = wait
        self.is_open = False
        self.looked: list[float] = []
        self.dropped: list[Lease] = []

    async def look(self, _lease: Any, _paused: Any) -> float:
        self.looked.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.25)
        return self.wait

    def drop(self, lost: Lease) -> None:
        self.dropped.append(lost)


class Scene:
    """The desks of a busy relay `main` and an idle one `backup`."""

    def __init__(self) -> None:
        self.main, self.backup = Desk("main", 0.0), Desk("backup", 5.0)
        self.woken = 0
        self.moved: list[float] = []
        routes = Routes(
            STREAMS,
            ["main", "backup"],
            is_open=lambda relay: self.desks.is_open(relay),  # noqa: PLW0108 - they are made below
        )
        self.desks = Desks(routes, self._wake)
        for desk in (self.main, self.backup):
            one: Any = desk
            self.desks.add(one)

    def _wake(self) -> None:
        self.woken += 1

    def _move(self) -> None:
        self.moved.append(asyncio.get_running_loop().time())

    async def turns(self, count: int) -> list[float]:
        return [await self.desks.look(lease, frozenset(), self._move) for _ in range(count)]


def test_a_busy_desk_is_turned_to_at_once_and_an_idle_one_only_when_its_time_has_come() -> None:
    scene = Scene()
    assert run(scene.turns(25)) == [0.0] * 25
    assert len(scene.main.looked) == 25
    assert [round(at, 2) for at in scene.backup.looked] == [0.25, 5.5]


def test_each_desk_that_looks_is_a_move_however_many_there_are() -> None:
    scene = Scene()
    run(scene.turns(1))
    assert scene.moved == [*scene.main.looked, *scene.backup.looked]


def test_the_wait_is_until_the_next_desk_s_turn() -> None:
    scene = Scene()
    scene.main.wait = 60.0
    assert run(scene.turns(1)) == [5.0]


def test_one_that_is_woken_looks_in_the_next_turn_and_no_other() -> None:
    scene = Scene()
    scene.main.wait = 60.0

    async def work() -> list[float]:
        await scene.turns(1)
        scene.desks.wake("backup")
        await scene.turns(1)
        scene.desks.wake()
        return await scene.turns(2)

    assert run(work()) == [5.0, 5.0]
    assert (len(scene.main.looked), len(scene.backup.looked), scene.woken) == (2, 3, 2)


def test_a_relay_that_is_down_or_back_wakes_all_and_it_is_told_which_way_mail_goes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "outbox")
    scene = Scene()
    scene.main.wait = 60.0

    async def work() -> None:
        for main, backup in ((False, False), (True, False), (True, True), (True, True), (False, True)):
            scene.main.is_open, scene.backup.is_open = main, backup
            await scene.turns(1)

    run(work())
    assert len(scene.backup.looked) == 4
    assert [record.getMessage() for record in caplog.records] == [
        "the mail of stream default goes through relay backup: relay main is down",
        "the mail of stream bulk waits: relay backup is down, and so is every other one it names",
        "the mail of stream default waits: relay main is down, and so is every other one it names",
        "the mail of stream default goes through relay main again",
    ]


def test_while_a_relay_is_down_only_its_desk_looks_whether_its_probe_may_go() -> None:
    scene = Scene()
    scene.main.wait = 60.0
    scene.desks.ended()
    assert scene.woken == 0

    async def work() -> None:
        await scene.turns(1)
        scene.main.is_open = True
        await scene.turns(1)
        scene.desks.ended()
        await scene.turns(1)

    run(work())
    assert (len(scene.main.looked), len(scene.backup.looked)) == (3, 2)


def test_a_mail_in_doubt_is_its_relay_s_where_that_is_here() -> None:
    desks = Scene().desks
    doubtful = [claim(doubts=1, relay=relay) for relay in ("main", "backup", "gone", None)]
    found = [desks.of_doubt(one) for one in (*doubtful, claim(relay="backup"))]
    assert [desk and desk.relay.name for desk in found] == ["main", "backup", None, None, None]


def test_a_lost_lease_is_dropped_by_all() -> None:
    scene, lost = Scene(), lease()
    scene.desks.drop(lost)
    assert scene.main.dropped == scene.backup.dropped == [lost]


def test_one_whose_look_failed_looks_again_in_the_next_turn() -> None:
    scene = Scene()
    scene.main.wait = 60.0

    async def fails(_lease: Any, _paused: Any) -> float:
        raise ConnectionError

    async def work() -> None:
        await scene.turns(1)
        look, scene.backup.look = scene.backup.look, fails  # type: ignore[method-assign] # for one turn
        scene.desks.wake("backup")
        with pytest.raises(ConnectionError):
            await scene.turns(1)
        scene.backup.look = look  # type: ignore[method-assign] # as it was
        await scene.turns(1)

    run(work())
    assert len(scene.backup.looked) == 2
