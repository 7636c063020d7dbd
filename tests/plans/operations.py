"""The hot operations of a daemon, and what people ask: each as it is called, with what it needs before."""

from collections.abc import Callable
from uuid import uuid4

import outbox
from outbox.mail.objection import Storm
from outbox.mail.status import Move
from outbox.store.queue import Queue
from outbox.store.retention import PAGE, Retention, Terms
from outbox.store.sessions import Totals
from tests.contract.aged import DAY
from tests.contract.ends import OWNED, PAUSE, record, settlement
from tests.contract.scene import ago
from tests.plans.history import History

Run = Callable[[], None]
Operation = Callable[[History], Run]
BATCH = 200


def claim(history: History) -> Run:
    me = history.scene.start()
    # As a daemon does it, which also looks at what its recipients got lately.
    queue = Queue(history.scene.database, storm=Storm(10**9, 3600))

    def run() -> None:
        assert len(queue.claim(me, BATCH)) == BATCH

    return run


def announce(history: History) -> Run:
    queue, me = history.scene.queue, history.scene.start()
    claimed = queue.claim(me, 1)

    def run() -> None:
        assert set(queue.announce(me, claimed).values()) == {True}

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


def delete(history: History) -> Run:
    # Older than the history, so that the next page is these.
    history.add(PAGE, "cancelled", finished_at=ago(1000 * DAY))
    retention, terms = Retention(history.scene.database), Terms(900 * DAY)

    def run() -> None:
        assert retention.delete(terms, retention.walk(terms).page()).messages == PAGE

    return run


OPERATIONS: tuple[Operation, ...] = (
    claim, announce, record_in_time, record_again, record_too_late, release_unknown, look, rescue,
    expire, messages, beat,
)  # fmt: skip


def tell_status(history: History) -> Run:
    scene = history.scene
    message = scene.row(scene.mail(to=["ann@example.org", "bob@example.org"])[0]).message_id

    def run() -> None:
        told = scene.database.read(lambda connection: outbox.status(connection, message))
        assert told is not None
        assert len(told.deliveries) == 2

    return run


def tell_why(history: History) -> Run:
    scene = history.scene
    scene.start()
    ids = scene.mail(to=["ann@example.org", "bob@example.org"], key=str(uuid4()))
    message = scene.row(ids[0]).message_id
    scene.change(ids[0], lane=1)

    def run() -> None:
        told = scene.database.read(lambda connection: outbox.why(connection, message))
        assert [one.waits_for for one in told] == [outbox.Waits.IN_TURN] * 2

    return run


def cancel_a_tag(history: History) -> Run:
    scene = history.scene
    order = str(uuid4())
    ids = scene.mail(BATCH, tags={"order": order})

    def run() -> None:
        changes = scene.database.write(lambda connection: outbox.cancel(connection, tag=("order", order)))
        assert ids == [change.delivery_id for change in changes if change.done]

    return run


def retry_by_key(history: History) -> Run:
    scene = history.scene
    key = str(uuid4())
    scene.change(scene.mail(key=key), lane=1)

    def run() -> None:
        (change,) = scene.database.write(lambda connection: outbox.retry(connection, key=key))
        assert change.done

    return run


ASKED: tuple[Operation, ...] = (tell_status, tell_why, cancel_a_tag, retry_by_key, delete)
