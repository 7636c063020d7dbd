"""One verdict that the database does not take keeps none of its batch from being written."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import create_engine, select, text

from outbox.mail.status import Move, Settlement
from outbox.mail.verdict import Answer
from outbox.store.database import Database
from outbox.store.grants import Role
from outbox.store.queue import Queue
from outbox.store.schema import delivery
from outbox.worker.journaling import Journaling
from outbox.worker.lease import Lease
from outbox.worker.recorder import Recorder
from outbox.worker.tally import Tally
from tests.contract.ends import PAUSE, settlement
from tests.contract.scene import Scene
from tests.support.users import as_role, migrated
from tests.unit.worker.held import NoThreads, run

REFUSED = "no database takes this"
_REFUSE = f"ALTER TABLE outbox_delivery ADD CONSTRAINT refuse CHECK (reply <> '{REFUSED}')"
_REFUSE_ON_SQLITE = (
    "CREATE TRIGGER refuse BEFORE UPDATE ON outbox_delivery "
    f"WHEN NEW.reply = '{REFUSED}' BEGIN SELECT RAISE(ABORT, 'CHECK'); END"
)


@pytest.fixture
def picky(database_url: str) -> Iterator[Scene]:
    """Give a store whose database refuses one answer."""
    migrated(database_url)
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text(_REFUSE_ON_SQLITE if engine.dialect.name == "sqlite" else _REFUSE))
    engine.dispose()
    scene = Scene(database_url)
    yield scene
    scene.close()


class Writing:
    """A recorder at work on a batch; `seen` is told what was written, whenever something was."""

    def __init__(self, queue: Queue, seen: Any = lambda _ids: None) -> None:
        self.written: list[int] = []
        self.refused: list[int] = []
        self._seen = seen
        threads: Any = NoThreads()
        self._recorder = Recorder(
            queue, threads, Tally(), Journaling(None, "mx"), PAUSE, self._write, self._refuse
        )

    async def write(self, me: UUID, batch: Sequence[Settlement]) -> None:
        """Write a batch as one of the session `me`, and return when nothing of it waits."""
        working = asyncio.create_task(self._recorder.run())
        self._recorder.put(Lease(valid_until=1e12, unbroken_since=0.0, id=me), batch)
        await asyncio.wait_for(self._recorder.drained(), 3600)
        working.cancel()

    def _write(self, batch: Sequence[Settlement]) -> None:
        self.written += [one.delivery_id for one in batch]
        self._seen(self.written)

    def _refuse(self, one: Settlement) -> None:
        self.refused.append(one.delivery_id)


def test_fault_19_a_verdict_that_the_database_refuses_stops_no_other(picky: Scene) -> None:
    me, claims = picky.held(7)
    bad = claims[4].delivery_id
    ends = [
        settlement(claim, Move.REFUSE, answer=Answer(550, None, REFUSED if claim is claims[4] else "no"))
        for claim in claims
    ]
    writing = Writing(picky.queue)
    run(writing.write(me, ends))
    assert writing.refused == [bad]
    assert sorted(writing.written) == [claim.delivery_id for claim in claims if claim is not claims[4]]
    assert {row.id: row.status for row in picky.rows()} == {
        claim.delivery_id: "sending" if claim is claims[4] else "failed" for claim in claims
    }


@pytest.mark.parametrize("shared_url", ["postgresql", "mysql"], indirect=True)
def test_fault_19_a_verdict_whose_delivery_somebody_has_locked_lets_the_others_pass(
    scene: Scene, rival: Scene
) -> None:
    me, claims = scene.held(7)
    locked, *others = (claim.delivery_id for claim in claims)
    somebody = rival.application.connect()
    somebody.execute(select(delivery.c.id).where(delivery.c.id == locked).with_for_update())

    def seen(written: list[int]) -> None:
        if sorted(written) == others:
            somebody.rollback()

    database = Database(as_role(scene.url, Role.DAEMON), silence=0.5)
    writing = Writing(Queue(database), seen)
    run(writing.write(me, [settlement(claim, Move.DELIVER) for claim in claims]))
    database.close()
    somebody.close()
    assert writing.written[-1] == locked
    assert {row.status for row in scene.rows()} == {"sent"}
