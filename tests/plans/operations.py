"""The hot operations of a daemon, each as it is called, with what it needs in the tables before."""

from collections.abc import Callable
from uuid import uuid4

from outbox.mail.status import Move
from outbox.store.sessions import Totals
from tests.contract.ends import OWNED, PAUSE, record, settlement
from tests.contract.scene import ago
from tests.plans.history import History

Run = Callable[[], None]
Operation = Callable[[History], Run]
BATCH = 200


def claim(history: History) -> Run:
    me = history.scene.start()

    def run() -> None:
        assert len(history.scene.queue.claim(me, BATCH)) == BATCH

    return run


def announce(history: History) -> Run:
    queue, me = history.scene.queue, history.scene.start()
    (claimed,) = queue.claim(me, 1)

    def run() -> None:
        assert queue.announce(me, claimed)

    return run


def record_in_time(history: History) -> Run:
    queue, me = history.scene.queue, history.scene.start()
    claims = [claim for limit in (200, 200, 100) for claim in queue.claim(me, limit)]
    ends = [settlement(claim, OWNED[n % len(OWNED)]) for n, claim in enumerate(claims)]

    def run() -> None:
        assert record(queue, me, ends).applied == 500

    return run


def record_again(history: History) -> Run:
    queue, me = history.scene.queue, history.scene.start()
    ends = [settlement(claim, OWNED[n % len(OWNED)]) for n, claim in enumerate(queue.claim(me, BATCH))]
    record(queue, me, ends)

    def run() -> None:
        recorded = queue.record(me, ends, doubt_pause=PAUSE, again=True)
        assert (recorded.applied, recorded.dropped) == (BATCH, 0)

    return run


def record_too_late(history: History) -> Run:
    queue = history.scene.queue
    claims = queue.claim(history.scene.start(), 4)
    moves = [Move.DELIVER, Move.DOUBT_RESEND] * 2
    ends = [settlement(claim, move) for claim, move in zip(claims, moves, strict=True)]

    def run() -> None:
        assert record(queue, uuid4(), ends).applied == 0

    return run


def release_unknown(history: History) -> Run:
    queue, me = history.scene.queue, history.scene.start()
    known = [claim.delivery_id for claim in queue.claim(me, BATCH)][::2]

    def run() -> None:
        assert queue.release_unknown(me, known) == BATCH // 2

    return run


def look(history: History) -> Run:
    def run() -> None:
        assert history.scene.queue.has_due()

    return run


def rescue(history: History) -> Run:
    history.add(BATCH, "sending", session=history.scene.start())
    history.add(BATCH, "sending", session=uuid4())

    def run() -> None:
        assert history.scene.queue.rescue() == BATCH

    return run


def expire(history: History) -> Run:
    history.add(BATCH, "pending", expires_at=ago(1))

    def run() -> None:
        assert history.scene.queue.expire() == BATCH

    return run


def messages(history: History) -> Run:
    queue = history.scene.queue
    ids = {claim.message_id for claim in queue.claim(history.scene.start(), BATCH)}

    def run() -> None:
        assert queue.messages(ids).keys() == ids

    return run


def beat(history: History) -> Run:
    me = history.scene.start()

    def run() -> None:
        assert history.scene.sessions.beat(me, Totals(sent=1))

    return run


OPERATIONS: tuple[Operation, ...] = (
    claim, announce, record_in_time, record_again, record_too_late, release_unknown, look, rescue,
    expire, messages, beat,
)  # fmt: skip
