"""Verdicts that the database refuses are kept and tried again; several of them stop all sending."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError, InvalidRequestError

from outbox.mail.status import Move, Settlement
from outbox.mail.verdict import Answer
from outbox.store.verdicts import Recorded
from outbox.worker.recorder import REFUSALS, REFUSED_PAUSE
from tests.unit.worker.held import lease, run, settlement
from tests.unit.worker.recorded import Queue, Scene


class Audited(Queue):
    """Refuses the verdicts on some deliveries as long as somebody's trigger is there."""

    def __init__(self, *ids: int) -> None:
        super().__init__()
        self.refused = set(ids)
        self.taken: list[Settlement] = []
        self.look: Any = lambda: None

    def record(self, holder: UUID, settlements: list[Settlement], **options: Any) -> Recorded:
        self.look()
        if self.refused & {one.delivery_id for one in settlements}:
            raise IntegrityError("UPDATE", {}, Exception("audit of ann@example.org"))
        self.taken += settlements
        return super().record(holder, settlements, **options)


class Old(Queue):
    """Holds no text beyond ASCII, as a database of an old character set does."""

    def record(self, holder: UUID, settlements: list[Settlement], **options: Any) -> Recorded:
        if not all(one.answer.text.isascii() for one in settlements if one.answer):
            raise UnicodeEncodeError("latin-1", "", 0, 1, "no")
        return super().record(holder, settlements, **options)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.__dict__["outbox"]["event"] for record in caplog.records]


def test_a_verdict_that_the_database_cannot_hold_is_written_in_plain_words_and_stops_no_other() -> None:
    async def scene() -> list[int]:
        async with Scene(Old()) as scene:
            strange = settlement(3, answer=Answer(250, None, "queued \N{GRINNING FACE}"))
            scene.recorder.put(lease(), [settlement(1), settlement(2), strange, settlement(4)])
            await scene.recorder.drained()
            assert scene.recorder.backlog == 0
            return sorted(id_ for _, ids in scene.queue.batches for id_ in ids)

    assert run(scene()) == [1, 2, 3, 4]


def test_one_that_is_refused_even_so_is_told_once_kept_and_stops_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> None:
        async with Scene(Audited(2)) as scene:
            scene.recorder.put(lease(), [settlement(n, answer=Answer(250, None, "Ok")) for n in (1, 2, 3)])
            await asyncio.sleep(2.5 * REFUSED_PAUSE)
            assert scene.written == [[1], [3]]
            assert scene.refused == [2]
            assert (scene.recorder.backlog, scene.recorder.is_stalled()) == (1, False)

    run(scene())
    assert told(caplog) == ["verdict_refused", "verdicts_again", "verdicts_again"]
    assert caplog.messages[0] == (
        "the database refuses the verdict deliver on delivery 2: audit of <address>; the mail was sent "
        "(the relay said: 250 Ok), and stays 'sending' until this is written, which is tried every minute: "
        "look at the constraint or trigger that is named here"
    )
    assert caplog.messages[1] == "trying 1 verdicts again that the database refused"


@pytest.mark.parametrize(
    ("move", "happened"),
    [
        (Move.DELIVER, "the mail was sent"),
        (Move.DOUBT_HOLD, "the mail may have been sent"),
        (Move.REFUSE, "the mail was not sent"),
        (Move.RELEASE, "the mail was not sent"),
    ],
)
def test_a_refusal_says_whether_the_mail_was_sent(
    move: Move, happened: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        async with Scene(Audited(1)) as scene:
            scene.recorder.put(lease(), [settlement(1, move)])
            await scene.recorder.drained()

    run(scene())
    assert f"{happened}, and stays" in caplog.messages[0]


def test_from_the_third_refused_verdict_on_it_is_stalled_until_they_are_written(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> None:
        queue = Audited(*range(REFUSALS))
        async with Scene(queue) as scene:
            scene.recorder.put(lease(), [settlement(n) for n in range(REFUSALS - 1)])
            await asyncio.sleep(1)
            assert not scene.recorder.is_stalled()
            scene.recorder.put(lease(), [settlement(REFUSALS - 1)])
            await asyncio.sleep(1)
            assert scene.recorder.is_stalled()
            # What was not sent is given back, which says nothing of what was.
            scene.recorder.put(lease(), [settlement(9, Move.RELEASE)])
            await asyncio.sleep(3 * REFUSED_PAUSE)
            assert scene.written == [[9]]
            assert scene.recorder.is_stalled()
            queue.refused.clear()
            await asyncio.sleep(REFUSED_PAUSE + 1)
            assert not scene.recorder.is_stalled()
            assert scene.recorder.backlog == 0
            assert sorted(id_ for batch in scene.written for id_ in batch) == [*range(REFUSALS), 9]
            assert scene.totals.sent == REFUSALS

    run(scene())
    assert caplog.messages[-1] == (
        "trying 3 verdicts again that the database refused; nothing new is sent until they are written"
    )


def test_nothing_more_is_sent_while_it_is_found_out_which_verdicts_of_a_batch_are_refused() -> None:
    async def scene() -> None:
        queue = Audited(3)
        async with Scene(queue) as scene:
            queue.look = lambda: seen.append(scene.recorder.is_stalled())
            scene.recorder.put(lease(), [settlement(n) for n in range(8)])
            await scene.recorder.drained()
            assert not scene.recorder.is_stalled()
            assert (seen[0], all(seen[1:])) == (False, True)
            seen.clear()
            await asyncio.sleep(REFUSED_PAUSE + 1)
            assert seen == [False]

    seen: list[bool] = []
    run(scene())


def test_it_stays_stalled_while_the_refused_verdicts_are_tried_again() -> None:
    async def scene() -> None:
        queue = Audited(*range(REFUSALS))
        async with Scene(queue) as scene:
            scene.recorder.put(lease(), [settlement(n) for n in range(REFUSALS)])
            await scene.recorder.drained()
            queue.refused, queue.failures = set(), 9  # the trigger is gone, and so is the database
            await asyncio.sleep(REFUSED_PAUSE + 0.5)
            assert queue.failures < 9
            assert scene.recorder.is_stalled()

    run(scene())


def test_who_waits_for_the_end_has_refused_verdicts_tried_once_more_and_is_not_kept_by_them() -> None:
    async def scene() -> None:
        queue = Audited(1, 2)
        async with Scene(queue) as scene:
            scene.recorder.put(lease(), [settlement(1), settlement(2)])
            await scene.recorder.drained()
            assert scene.recorder.backlog == 2
            queue.refused.remove(1)
            before = asyncio.get_running_loop().time()
            await scene.recorder.drained()
            assert asyncio.get_running_loop().time() - before < 1
            assert (scene.written, scene.recorder.backlog) == ([[1]], 1)

    run(scene())


def test_what_was_refused_is_known_also_where_the_end_comes_while_it_is_tried_again() -> None:
    async def scene() -> list[list[int]]:
        queue = Audited(1, 2)
        async with Scene(queue) as scene:
            scene.recorder.put(lease(), [settlement(1), settlement(2)])
            await scene.recorder.drained()
            known = [scene.recorder.refused]
            queue.refused.remove(2)
            queue.look = lambda: known.append(scene.recorder.refused)
            await asyncio.sleep(REFUSED_PAUSE + 1)
            known.append(scene.recorder.refused)
        return [[one.delivery_id for _, one in each] for each in known]

    first, again, *_, last = run(scene())
    assert (first, again, last) == ([1, 2], [1, 2], [1])


def test_a_verdict_that_was_refused_is_written_in_its_own_words_when_it_can_be() -> None:
    async def scene() -> list[Settlement]:
        queue = Audited(1)
        async with Scene(queue) as scene:
            scene.recorder.put(lease(), [success])
            await asyncio.sleep(1)
            queue.refused.clear()
            await asyncio.sleep(REFUSED_PAUSE)
            return queue.taken

    success = settlement(1, answer=Answer(250, None, "Ok \N{GRINNING FACE}"), queue_id="4BX")
    assert run(scene()) == [success]


@pytest.mark.parametrize("failure", [AttributeError("no such thing"), InvalidRequestError("a bug of ours")])
def test_what_is_no_word_of_the_database_about_this_verdict_drops_none(
    failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> Queue:
        queue = Queue(failures=3)
        queue.failure = failure
        async with Scene(queue) as scene:
            scene.recorder.put(lease(), [settlement(1)])
            await scene.recorder.drained()
            assert (scene.refused, scene.recorder.backlog) == ([], 0)
            return queue

    assert [ids for _, ids in run(scene()).batches] == [[1]]
    assert told(caplog) == ["record_failed"] * 3
