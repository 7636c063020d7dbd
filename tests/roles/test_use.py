"""An application, a daemon and a reader do all of their work with the rights of their roles."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine, delete, insert, select, text, update
from sqlalchemy.pool import NullPool

from outbox import KeyConflictError, Outbox, SuppressedError
from outbox.mail.criteria import Criteria
from outbox.mail.status import MOVES, Move
from outbox.store.clock import utc_now
from outbox.store.database import Database
from outbox.store.gates import Gates, Learnt
from outbox.store.grants import Role
from outbox.store.overview import overview
from outbox.store.pages import page
from outbox.store.queue import Queue
from outbox.store.schema import (
    SessionState,
    attempt,
    delivery,
    gate,
    message,
    meta,
    session,
    stat,
    suppression,
    tag,
)
from outbox.store.search import details, summaries
from outbox.store.sessions import Sessions
from outbox.worker.housekeeping import Housekeeping
from outbox.worker.options import DAY, Keep
from tests.contract.ends import OWNED, record, settlement
from tests.contract.scene import ago
from tests.roles.conftest import Granted, as_owner
from tests.support.inside import daemon_inside
from tests.support.ledger import LedgerSink
from tests.support.waiting import wait_until

HELLO: Any = {"to": "ann@example.org", "subject": "Hello", "text": "Hello."}
SOON = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def outbox() -> Outbox:
    """Give what makes the mails."""
    return Outbox(sender="shop@example.org")


@pytest.fixture
def shop(granted: Granted) -> Iterator[Engine]:
    """Give the engine of an application; the database is empty."""
    with as_owner(granted) as connection:
        for table in (attempt, delivery, tag, message, session, gate, suppression, stat):
            connection.execute(delete(table))
    engine = create_engine(granted.users[Role.APP], poolclass=NullPool)
    yield engine
    engine.dispose()


@pytest.fixture
def mailer(granted: Granted) -> Iterator[Database]:
    """Give a daemon's way into the database."""
    database = Database(granted.users[Role.DAEMON])
    yield database
    database.close()


@pytest.fixture
def reader(granted: Granted) -> Iterator[Database]:
    """Give a person's way into the database."""
    database = Database(granted.users[Role.READER])
    yield database
    database.close()


def statuses(granted: Granted) -> Counter[str]:
    with as_owner(granted) as connection:
        return Counter(connection.execute(select(delivery.c.status)).scalars())


def test_an_application_enqueues_in_every_way(granted: Granted, shop: Engine, outbox: Outbox) -> None:
    with shop.begin() as connection:
        outbox.enqueue(
            connection, **HELLO, tags={"order": 42}, send_at=SOON, expires_at=SOON + timedelta(days=1)
        )
        outbox.enqueue_many(connection, [HELLO | {"to": ["bob@example.org", "cid@example.org"]}] * 3)
        first = outbox.enqueue(connection, **HELLO, key="receipt-42")
        assert first == outbox.enqueue(connection, **HELLO, key="receipt-42", check_suppressed=True)
        with pytest.raises(KeyConflictError):
            outbox.enqueue(connection, **(HELLO | {"text": "Goodbye."}), key="receipt-42")
    assert Counter(pending=8) == statuses(granted)


def test_an_application_asks_who_is_suppressed(granted: Granted, shop: Engine, outbox: Outbox) -> None:
    with as_owner(granted) as owner:
        owner.execute(insert(suppression).values(address="ann@example.org", why="asked us"))
    with shop.begin() as connection, pytest.raises(SuppressedError, match="asked us"):
        outbox.enqueue(connection, **HELLO, check_suppressed=True)


def test_a_daemon_sends(granted: Granted, shop: Engine, outbox: Outbox) -> None:
    with shop.begin() as connection:
        outbox.enqueue_many(connection, [HELLO] * 20)
    with LedgerSink() as sink:
        with daemon_inside(granted.users[Role.DAEMON], sink.port) as inside:
            wait_until(lambda: statuses(granted)["sent"] == 20, "all are sent")
            inside.drain()
        assert len(sink.entries()) == 20
    with as_owner(granted) as owner:
        assert owner.execute(select(session.c.state)).scalars().all() == ["stopped"]


@pytest.mark.parametrize("move", OWNED)
def test_a_daemon_records_each_verdict_in_time_and_late(
    granted: Granted, shop: Engine, mailer: Database, outbox: Outbox, move: Move
) -> None:
    with shop.begin() as connection:
        outbox.enqueue_many(connection, [HELLO, HELLO])
    queue, me = Queue(mailer), uuid4()
    first, second = queue.claim(me, 2)
    with as_owner(granted) as owner:
        late = delivery.c.id == second.delivery_id
        owner.execute(update(delivery).where(late).values(status="pending", session=None))
    record(queue, me, [settlement(first, move), settlement(second, move)])
    assert statuses(granted)[MOVES[move].target] >= 1


def test_a_daemon_rescues_and_expires(
    granted: Granted, shop: Engine, mailer: Database, outbox: Outbox
) -> None:
    with shop.begin() as connection:
        outbox.enqueue_many(connection, [HELLO, HELLO])
    queue, sessions, dead = Queue(mailer), Sessions(mailer), uuid4()
    sessions.start(dead, host="host", pid=1, version="1", ttl=60)
    (first, second) = queue.claim(dead, 2)
    assert queue.announce(dead, [first]) == {first.delivery_id: True}
    sessions.enter(dead, SessionState.STOPPED)
    assert queue.rescue() == 2
    with as_owner(granted) as owner:
        owner.execute(
            update(delivery).where(delivery.c.id == second.delivery_id).values(expires_at=utc_now())
        )
        assert owner.execute(select(attempt.c.verdict)).scalars().all() == ["rescue_resend"] * 2
    assert queue.expire() == 1
    assert Counter(pending=1, expired=1) == statuses(granted)


def test_a_daemon_gives_back_what_nobody_knows_of(
    granted: Granted, shop: Engine, mailer: Database, outbox: Outbox
) -> None:
    with shop.begin() as connection:
        outbox.enqueue(connection, **HELLO)
    queue, me = Queue(mailer), uuid4()
    assert len(queue.claim(me, 1)) == 1
    assert queue.release_unknown(me, set()) == 1
    assert Counter(pending=1) == statuses(granted)


def test_a_daemon_declares_another_lost(granted: Granted, shop: Engine, mailer: Database) -> None:
    _ = shop
    sessions, me, silent = Sessions(mailer), uuid4(), uuid4()
    for id_ in (me, silent):
        sessions.start(id_, host="host", pid=1, version="1", ttl=60)
    with as_owner(granted) as owner:
        owner.execute(update(session).where(session.c.id == silent).values(ttl=0))
    assert sessions.declare_lost(me, trusted=60) == 1


def test_a_daemon_learns_and_tells_what_keeps_mail_from_a_relay(
    granted: Granted, shop: Engine, mailer: Database
) -> None:
    _ = shop
    gates = Gates(mailer)
    for _again in range(2):
        gates.learn("mx", Learnt("mail", data_apart=True, recipients=7))
        gates.report("mx", "it is closed")
    assert gates.learnt("mx") == Learnt("mail", data_apart=True, recipients=7)
    with as_owner(granted) as owner:
        assert owner.execute(select(gate.c.fault)).scalars().all() == ["it is closed"]


def test_a_daemon_sees_whether_the_tables_fit(mailer: Database) -> None:
    mailer.check()


def test_a_reader_sees_each_mail_and_its_status(shop: Engine, reader: Database, outbox: Outbox) -> None:
    with shop.begin() as connection:
        id_ = outbox.enqueue(connection, **HELLO, tags={"order": 42})
    reader.check()
    listed = reader.read(lambda connection: page(connection, Criteria(), after=None, limit=10)).ids
    assert [(id_, "pending")] == [
        (row["id"], row["status"]) for row in reader.read(lambda connection: summaries(connection, listed))
    ]
    assert reader.read(overview).queue[0].status == "pending"
    found = reader.read(lambda connection: details(connection, id_))
    assert [HELLO["to"]] == [row["recipient"] for row in found["deliveries"]]
    queued = text("SELECT status FROM outbox_queue")
    assert reader.read(lambda connection: connection.execute(queued).scalars().all()) == ["pending"]


def test_a_daemon_erases_deletes_and_prunes(
    granted: Granted, shop: Engine, mailer: Database, outbox: Outbox
) -> None:
    with shop.begin() as connection:
        outbox.enqueue_many(connection, [HELLO | {"tags": {"order": 42}}] * 3)
    sessions, dead = Sessions(mailer), uuid4()
    sessions.start(dead, host="host", pid=1, version="1", ttl=60)
    sessions.enter(dead, SessionState.STOPPED)
    with as_owner(granted) as owner:
        owner.execute(update(meta).values(keeper=None, keeper_until=None, erased_to=None))
        long_ago = ago(100 * DAY)
        owner.execute(update(session).values(beat_at=long_ago))
        ids = owner.execute(select(delivery.c.id)).scalars().all()
        for id_, age in zip(ids, (100, 40, 1), strict=True):
            ended = {"status": "sent", "finished_at": ago(age * DAY)}
            owner.execute(update(delivery).where(delivery.c.id == id_).values(ended))
            owner.execute(insert(attempt).values(delivery_id=id_, fence=1, verdict="defer"))
    house = Housekeeping(mailer, sessions, Keep(), lambda: dead)
    for duty in (house.erase, house.delete, house.prune):
        duty()
    with as_owner(granted) as owner:
        left = [len(owner.execute(select(each)).all()) for each in (message, delivery, attempt, tag, session)]
        bodies = owner.execute(select(message.c.mime).where(message.c.mime.is_not(None))).all()
        assert (left, len(bodies)) == ([2, 2, 2, 2, 0], 1)
        assert owner.execute(select(stat.c.deliveries)).scalars().all() == [1]
