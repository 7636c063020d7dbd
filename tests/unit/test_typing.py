"""The types of the public API: mypy --strict reads this file, and would find each unneeded ignore.

What is wrong here on purpose is never run.
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, assert_type
from uuid import UUID

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session, scoped_session

import outbox
from outbox import Address, Attachment, Change, Email, MessageStatus, OnDoubt, Outbox, Pause, Suppression, Why

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession  # it needs greenlet, which we do not


def right(session: Session, scoped: scoped_session[Session], connection: Connection, at: datetime) -> None:
    assert_type(outbox.enqueue(session, to="ann@example.org", text="Hello."), UUID)
    assert_type(outbox.enqueue(scoped, Email(to=["ann@example.org"], text="Hello.")), UUID)
    assert_type(Outbox(templates=Path("mails")).enqueue(connection, to="a@example.org", text=""), UUID)
    assert_type(outbox.enqueue_many(session, [Email(to="ann@example.org", text="Hello.")]), list[UUID])
    assert_type(outbox.enqueue_many(session, [{"to": "ann@example.org", "text": "Hello."}]), list[UUID])
    outbox.enqueue(
        session,
        to=Address("Ann", "ann@example.org"),
        cc=("bob@example.org", Address("", "eve@example.org")),
        template="receipt",
        context={"order": object()},
        attachments=[Attachment("a.txt", b"Hello.")],
        key="order-1",
        send_at=at,
        on_doubt=OnDoubt.HOLD,
        tags={"order": 1, "lines": [1, 2.5, None, {"a": True}]},
    )


def asked(session: Session, connection: Connection, message: UUID) -> None:
    assert_type(outbox.status(session, message), MessageStatus | None)
    assert_type(outbox.status(connection, key="order-1"), MessageStatus | None)
    assert_type(outbox.why(session, str(message)), list[Why])
    assert_type(outbox.cancel(session, tag=("order", 42), who="ann", note="a slip"), list[Change])
    assert_type(outbox.hold(session, message, recipient="ann@example.org"), list[Change])
    assert_type(outbox.release(session, key="order-1"), list[Change])
    assert_type(outbox.mark_sent(session, message), list[Change])
    assert_type(outbox.retry(session, message, as_new=True), list[Change])
    assert_type(outbox.pause(session, stream="bulk", why="a slip"), bool)
    assert_type(outbox.resume(session, relay="main"), bool)
    assert_type(outbox.pauses(session), list[Pause])
    assert_type(outbox.suppress(session, "ann@example.org", "she asked"), bool)
    assert_type(outbox.unsuppress(session, "ann@example.org"), bool)
    assert_type(outbox.suppressions(session), list[Suppression])
    outbox.cancel(session, message, to="ann@example.org")  # type: ignore[call-arg]
    outbox.cancel(session, 42)  # type: ignore[arg-type]
    outbox.cancel(session, tag="order")  # type: ignore[arg-type]
    outbox.cancel(session, message, as_new=True)  # type: ignore[call-arg]


def wrong(session: Session, engine: Engine, asynchronous: "AsyncSession") -> None:
    outbox.enqueue(session, to="ann@example.org", suject="Hello")  # type: ignore[call-arg]
    outbox.enqueue(session, to=4711)  # type: ignore[arg-type]
    outbox.enqueue(session, send_at="tomorrow")  # type: ignore[arg-type]
    outbox.enqueue(session, tags={"at": object()})  # type: ignore[dict-item]
    outbox.enqueue(engine, to="ann@example.org")  # type: ignore[arg-type]
    outbox.enqueue(asynchronous, to="ann@example.org")  # type: ignore[arg-type]
    outbox.enqueue_many(session, [{"tu": "ann@example.org"}])  # type: ignore[list-item]


def test_the_package_tells_type_checkers_that_it_is_typed() -> None:
    assert (Path(outbox.__file__).parent / "py.typed").exists()
