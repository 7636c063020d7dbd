"""Verdicts are written in batches as large as the database is slow, and none is ever dropped."""

import asyncio
import logging
from uuid import UUID

import pytest
from sqlalchemy.exc import OperationalError

from outbox.journal.record import Begun, Known
from outbox.mail.status import Move, Settlement
from outbox.store.sessions import Totals
from outbox.store.verdicts import Recorded
from outbox.worker.backoff import backoff
from outbox.worker.journaling import Journaling
from outbox.worker.lease import Lease
from outbox.worker.recorder import JOURNALED_PACE, MOST, PACE, PAUSE, STALLED
from tests.unit.worker.disk import ME, Disk, key, mail
from tests.unit.worker.held import lease, run, settlement
from tests.unit.worker.recorded import Queue, Scene


def test_what_is_put_while_a_batch_is_written_goes_together_in_the_next() -> None:
    async def scene() -> list[list[int]]:
        mine = lease()
        async with Scene(Queue()) as scene:
            scene.recorder.put(mine, [settlement(1)])
            await asyncio.sleep(0)
            await asyncio.sleep(0)  # the first is being written now
            for n in (2, 3):
                scene.recorder.put(mine, [settlement(n)])
            await scene.recorder.drained()
            assert [mine.id, mine.id] == [holder for holder, _ in scene.queue.batches]
            return scene.written

    assert run(scene()) == [[1], [2, 3]]


async def _gap(journal: Journaling | None) -> float:
    """Return the seconds between the first batch, which comes at once, and the next."""
    async with Scene(Queue(), journal) as scene:
        began = asyncio.get_running_loop().time()
        for n in (1, 2):
            scene.recorder.put(lease(), [settlement(n)])
            await scene.recorder.drained()
        first, second = scene.queue.times
        assert first == began
        return second - first


def test_under_load_batches_begin_so_far_apart_and_farther_where_a_journal_knows_them(disk: Disk) -> None:
    assert run(_gap(None)) == pytest.approx(PACE)
    # The directory alone says nothing of a mail.
    assert run(_gap(disk.journal)) == pytest.approx(PACE)
    disk.journal.begin(ME.id)
    assert run(_gap(disk.journal)) == pytest.approx(JOURNALED_PACE)
    disk.full = True
    disk.journal.begun(mail(2), "mx")
    assert run(_gap(disk.journal)) == pytest.approx(PACE)


def test_what_one_batch_cannot_hold_waits_no_longer_with_a_journal(disk: Disk) -> None:
    async def times(*leases: tuple[Lease, int]) -> list[float]:
        async with Scene(Queue(), disk.journal) as scene:
            began = asyncio.get_running_loop().time()
            for mine, count in leases:
                scene.recorder.put(mine, [settlement(n) for n in range(count)])
            await scene.recorder.drained()
            return [time - began for time in scene.queue.times]

    disk.journal.begin(ME.id)
    # The last batch may wait for more.
    assert run(times((ME, 2 * MOST + 1))) == pytest.approx([0, PACE, PACE + JOURNALED_PACE])
    assert run(times((ME, 1), (lease(), 1), (ME, 1))) == pytest.approx([0, PACE, PACE + JOURNALED_PACE])


def test_the_journal_is_told_what_the_database_has(disk: Disk) -> None:
    async def scene() -> None:
        async with Scene(Queue(), disk.journal) as scene:
            scene.recorder.put(ME, [settlement(1)])
            await scene.recorder.drained()

    disk.journal.begun(mail(1), "mx")
    run(scene())
    disk.journal.flush()
    assert disk.read(1).records == [Begun(key()), Known(key())]


def test_a_batch_has_at_most_500_and_one_session() -> None:
    async def scene() -> list[int]:
        mine, other = lease(), lease()
        async with Scene(Queue()) as scene:
            scene.recorder.put(mine, [settlement(n) for n in range(MOST + 1)])
            scene.recorder.put(other, [settlement(9001)])
            scene.recorder.put(mine, [settlement(9002)])
            await scene.recorder.drained()
            assert [mine.id, mine.id, other.id, mine.id] == [holder for holder, _ in scene.queue.batches]
            return [len(ids) for _, ids in scene.queue.batches]

    assert run(scene()) == [MOST, 1, 1, 1]


def test_verdicts_are_kept_and_written_when_the_database_is_back(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> Queue:
        async with Scene(Queue(failures=9)) as scene:
            scene.recorder.put(lease(), [settlement(1), settlement(2)])
            await scene.recorder.drained()
            return scene.queue

    with caplog.at_level(logging.WARNING):
        queue = run(scene())
    assert [ids for _, ids in queue.batches] == [[1, 2]]
    waits = [later - earlier for earlier, later in zip(queue.times, queue.times[1:], strict=False)]
    # The longest by `backoff`, of which up to half is taken away.
    longest = [backoff(failures, 0.0) for failures in range(1, 10)]
    assert all(most / 2 <= wait <= most for wait, most in zip(waits, longest, strict=True)), waits
    # From the second time on it may be that only the answer was lost.
    assert queue.agains == [False] + [True] * 9
    assert [record.__dict__["outbox"]["event"] for record in caplog.records] == ["record_failed"] * 9


def test_it_is_stalled_while_the_oldest_verdict_has_waited_for_two_seconds() -> None:
    async def scene() -> list[bool]:
        async with Scene(Queue(failures=6)) as scene:
            seen = [scene.recorder.is_stalled()]
            scene.recorder.put(lease(), [settlement(1)])
            for seconds in (STALLED, 0.5):
                await asyncio.sleep(seconds)
                seen.append(scene.recorder.is_stalled())
            await scene.recorder.drained()
            return [*seen, scene.recorder.is_stalled()]

    assert run(scene()) == [False, False, True, False]


def test_drained_waits_for_everything_and_for_nothing() -> None:
    async def scene() -> None:
        async with Scene(Queue()) as scene:
            await scene.recorder.drained()
            scene.recorder.put(lease(), [])
            await scene.recorder.drained()
            scene.recorder.put(lease(), [settlement(n) for n in range(3 * MOST)])
            await scene.recorder.drained()
            assert sum(map(len, scene.written)) == 3 * MOST

    run(scene())


def test_totals_count_what_ended_and_what_was_judged_and_waits() -> None:
    async def scene() -> Totals:
        moves = [Move.DELIVER, Move.DOUBT_ASSUME, Move.REFUSE, Move.GIVE_UP, Move.RELEASE, Move.DOUBT_HOLD]
        async with Scene(Queue()) as scene:
            scene.recorder.put(lease(), [settlement(n, move) for n, move in enumerate(moves)])
            scene.recorder.put(lease(), [settlement(9, Move.DEFER, judged=True)])
            await scene.recorder.drained()
            return scene.totals

    assert run(scene()) == Totals(sent=2, failed=2, deferred=1)


def test_late_verdicts_are_told(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        queue = Queue()
        queue.answer = Recorded(applied=0, late=1, dropped=2)
        async with Scene(queue) as scene:
            scene.recorder.put(lease(), [settlement(n) for n in range(3)])
            await scene.recorder.drained()

    run(scene())
    (record,) = caplog.records
    assert record.__dict__["outbox"] == {"event": "late_verdicts", "late": 1, "dropped": 2}


class Locked(Queue):
    """Somebody has locked one delivery, until he has been met a few times."""

    def __init__(self, id_: int, times: int) -> None:
        super().__init__()
        self.id = id_
        self.left = times

    def record(
        self, holder: UUID, settlements: list[Settlement], *, doubt_pause: float, again: bool
    ) -> Recorded:
        if self.left and self.id in {one.delivery_id for one in settlements}:
            self.left -= 1
            if not again:  # it waited for the lock, in vain
                self.agains.append(again)
                raise OperationalError("UPDATE", {}, Exception("lock wait timeout"))
            free = [one for one in settlements if one.delivery_id != self.id]
            super().record(holder, free, doubt_pause=doubt_pause, again=again)
            return Recorded(len(free), busy=frozenset({self.id}))
        return super().record(holder, settlements, doubt_pause=doubt_pause, again=again)


def test_a_delivery_that_somebody_has_locked_holds_up_no_other_verdict(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> tuple[Scene, list[bool]]:
        async with Scene(Locked(2, times=4)) as scene:
            scene.recorder.put(lease(), [settlement(n) for n in (1, 2, 3)])
            await asyncio.sleep(0.5)
            stalled = [scene.recorder.is_stalled()]
            assert scene.written == [[1, 3]]
            scene.recorder.put(lease(), [settlement(4)])
            await asyncio.sleep(2.2)
            stalled.append(scene.recorder.is_stalled())
            assert [4] in scene.written
            await scene.recorder.drained()
            return scene, stalled

    scene_after, stalled = run(scene())
    assert stalled == [False, False]
    assert sorted(id_ for batch in scene_after.written for id_ in batch) == [1, 2, 3, 4]
    # Once it has met a lock it waits for none any more for a while, and says so once.
    assert scene_after.queue.agains[0] is False
    assert all(scene_after.queue.agains[1:])
    events = [record.__dict__["outbox"]["event"] for record in caplog.records]
    assert events == ["record_failed", "verdicts_wait"]


def test_verdicts_behind_those_that_wait_for_a_lock_are_neither_starved_nor_forgotten() -> None:
    async def scene() -> None:
        async with Scene(Queue()) as scene:
            # As many deliveries as are in flight, each of which comes back by itself.
            under = lease()
            for n in range(400):
                scene.recorder._put_off(under, [settlement(n)])
            scene.recorder.backlog += 400
            await asyncio.sleep(PAUSE + 0.001)
            scene.recorder.put(lease(), [settlement(1000)])
            await asyncio.sleep(0.01)
            assert [1000] in scene.written
            assert sum(map(len, scene.written)) == 401
            assert len(scene.written) == 2

    run(scene())


def test_it_is_stalled_by_a_database_that_fails_while_put_off_verdicts_are_tried_again() -> None:
    async def scene() -> list[bool]:
        async with Scene(Queue(failures=99)) as scene:
            scene.recorder._put_off(lease(), [settlement(1)])
            scene.recorder.backlog += 1
            await asyncio.sleep(PAUSE + 0.1)
            calm = scene.recorder.is_stalled()
            scene.recorder.put(lease(), [settlement(2)])
            await asyncio.sleep(STALLED + 0.1)
            assert all(scene.queue.agains)
            return [calm, scene.recorder.is_stalled()]

    assert run(scene()) == [False, True]
