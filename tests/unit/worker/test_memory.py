"""What one daemon learns of a relay reaches the database at once, and what others learnt is taken over."""

import asyncio
from typing import Any

from sqlalchemy.exc import OperationalError

from outbox.delivery.limits import Limits
from outbox.delivery.relay import Pipelining
from outbox.store.gates import Learnt
from outbox.worker.memory import EVERY, Memory
from tests.unit.worker.held import NoThreads, run


class Row:
    """Stands in for the gate row: a value, what was written to it, and a database that may be away."""

    def __init__(self) -> None:
        self.value = Learnt()
        self.written: list[tuple[str, Learnt]] = []
        self.reported: list[str | None] = []
        self.away = False

    def learnt(self, _relay: str) -> Learnt:
        self._answer()
        return self.value

    def learn(self, relay: str, learnt: Learnt) -> None:
        self._answer()
        self.written.append((relay, learnt))
        self.value = self.value.and_also(learnt)

    def report(self, _relay: str, fault: str | None) -> None:
        self._answer()
        self.reported.append(fault)

    def _answer(self) -> None:
        if self.away:
            raise OperationalError("", {}, Exception("away"))


def memory(limits: Limits, row: Row) -> Memory:
    """Return the memory of a relay."""
    gates: Any = row
    threads: Any = NoThreads()
    return Memory("mx", limits, gates, threads)


async def remembered(limits: Limits, row: Row) -> asyncio.Task[None]:
    """Begin to remember, and wait until the first exchange is over."""
    task = asyncio.create_task(memory(limits, row).run())
    await asyncio.sleep(1)
    return task


def test_what_is_known_at_the_start_is_taken_over() -> None:
    async def scene() -> None:
        limits, row = Limits(Pipelining.AUTO), Row()
        row.value = Learnt("off", data_apart=True, recipients=7)
        task = await remembered(limits, row)
        assert (limits.pipelining, limits.data_apart, limits.recipients) == (Pipelining.OFF, True, 7)
        task.cancel()

    run(scene())


def test_what_is_learnt_is_written_at_once_and_nothing_else() -> None:
    async def scene() -> None:
        limits, row = Limits(Pipelining.AUTO), Row()
        task = await remembered(limits, row)
        assert row.written == []
        limits.chain_failed("it hung")
        limits.too_many_recipients(20)
        await asyncio.sleep(0.1)
        assert row.written == [("mx", Learnt("mail", recipients=20))]
        assert limits.pipelining is Pipelining.MAIL
        task.cancel()

    run(scene())


def test_what_a_person_set_is_not_written_as_learnt() -> None:
    async def scene() -> None:
        limits, row = Limits(Pipelining.MAIL), Row()
        limits.announced(10)
        task = await remembered(limits, row)
        limits.too_many_recipients(5)
        await asyncio.sleep(0.1)
        assert row.written == [("mx", Learnt(recipients=5))]
        task.cancel()

    run(scene())


def test_what_others_learn_or_what_is_forgotten_is_seen_soon() -> None:
    async def scene() -> None:
        limits, row = Limits(Pipelining.AUTO), Row()
        task = await remembered(limits, row)
        row.value = Learnt("mail")
        await asyncio.sleep(EVERY)
        seen = [limits.pipelining]
        row.value = Learnt()
        await asyncio.sleep(EVERY)
        seen.append(limits.pipelining)
        assert seen == [Pipelining.MAIL, Pipelining.AUTO]
        task.cancel()

    run(scene())


def test_what_was_learnt_while_the_database_was_away_is_kept_and_written_later() -> None:
    async def scene() -> None:
        limits, row = Limits(Pipelining.AUTO), Row()
        task = await remembered(limits, row)
        row.away = True
        limits.pipelining_failed("it hung")
        await asyncio.sleep(3 * EVERY)
        row.away = False
        await asyncio.sleep(EVERY)
        assert row.written == [("mx", Learnt("off"))]
        assert limits.pipelining is Pipelining.OFF
        task.cancel()

    run(scene())


def test_a_fault_is_reported_when_its_words_change_and_once_that_it_is_over() -> None:
    async def scene() -> None:
        row = Row()
        mind = memory(Limits(Pipelining.AUTO), row)
        task = asyncio.create_task(mind.run())
        for fault in ("refused", "refused", "expired"):
            mind.fails(fault)
            await asyncio.sleep(0.1)
        for _ in range(3):
            mind.works()
            await asyncio.sleep(0.1)
        assert row.reported == ["refused", "expired", None]
        task.cancel()

    run(scene())


def test_the_first_mail_that_is_judged_takes_back_what_an_earlier_run_reported() -> None:
    async def scene() -> None:
        row = Row()
        mind = memory(Limits(Pipelining.AUTO), row)
        task = asyncio.create_task(mind.run())
        await asyncio.sleep(2 * EVERY)
        assert row.reported == []
        mind.works()
        await asyncio.sleep(0.1)
        assert row.reported == [None]
        task.cancel()

    run(scene())


def test_a_wait_that_is_over_is_taken_back_and_nothing_else() -> None:
    async def scene() -> None:
        row = Row()
        mind = memory(Limits(Pipelining.AUTO), row)
        task = asyncio.create_task(mind.run())
        for words in ("no answer for 10 seconds", None):
            mind.waits(words)
            await asyncio.sleep(0.1)
        mind.fails("refused")
        await asyncio.sleep(0.1)
        mind.waits(None)
        await asyncio.sleep(0.1)
        assert row.reported == ["no answer for 10 seconds", None, "refused"]
        task.cancel()

    run(scene())
