"""In the transactions of real sessions and connections, captured mail shares their fate."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, Table, create_engine, event, text
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, registry, scoped_session, sessionmaker

import outbox
from outbox.store.transaction import ENDED_ELSEWHERE
from outbox.testing import Captured, captured

shop = outbox.Outbox(sender="shop@example.org")


@pytest.fixture
def engine() -> Iterator[Engine]:
    """Give a database without the outbox's tables."""
    engine = create_engine("sqlite://")
    yield engine
    engine.dispose()


def enqueue(transaction: Any, subject: str) -> None:
    shop.enqueue(transaction, to="ann@example.org", subject=subject, text="")


def subjects(messages: Captured) -> list[str]:
    return [each.subject for each in messages]


def test_a_mail_is_there_at_once_and_gone_with_its_session_s_transaction(
    messages: Captured, engine: Engine
) -> None:
    with Session(engine) as session:
        enqueue(session, "kept")
        assert subjects(messages) == ["kept"]
        session.commit()
        enqueue(session, "lost")
        assert subjects(messages) == ["kept", "lost"]
        session.rollback()
    assert subjects(messages) == ["kept"]


def test_no_database_is_asked(messages: Captured) -> None:
    nowhere = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    with Session(nowhere) as session, session.begin():
        enqueue(session, "kept")
    with Session() as session:
        enqueue(session, "lost")
    assert subjects(messages) == ["kept"]


@pytest.mark.parametrize("mode", ["create_savepoint", "rollback_only", "conditional_savepoint"])
@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_a_session_s_commit_into_a_transaction_of_its_connection_is_not_the_last_word(
    messages: Captured, engine: Engine, mode: Any, ending: str
) -> None:
    with engine.connect() as connection:
        outer = connection.begin()
        with Session(connection, join_transaction_mode=mode) as session:
            enqueue(session, "follows")
            session.commit()
        assert subjects(messages) == ["follows"]
        getattr(outer, ending)()
        with Session(connection, join_transaction_mode=mode) as session:
            enqueue(session, "kept")
            session.commit()
    assert subjects(messages) == [*(["follows"] if ending == "commit" else []), "kept"]


def test_a_session_that_is_closed_without_a_commit_loses_its_mail(messages: Captured, engine: Engine) -> None:
    with Session(engine) as session:
        enqueue(session, "lost")
    messages.none()


def test_a_session_begins_as_it_does_in_earnest(messages: Captured, engine: Engine) -> None:
    with Session(engine) as session:
        enqueue(session, "kept")
        assert session.in_transaction()
        session.commit()
    assert len(messages) == 1


def test_a_savepoint_of_a_session_keeps_or_loses_its_own(messages: Captured, engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        enqueue(session, "outer")
        with session.begin_nested():
            enqueue(session, "released")
            inner = session.begin_nested()
            enqueue(session, "lost")
            inner.rollback()
        assert subjects(messages) == ["outer", "released"]
    assert subjects(messages) == ["outer", "released"]


def test_a_released_savepoint_is_lost_with_what_is_around_it(messages: Captured, engine: Engine) -> None:
    with Session(engine) as session:
        with session.begin_nested():
            enqueue(session, "released")
        session.rollback()
    messages.none()


def test_a_commit_that_fails_loses_its_mail(messages: Captured, engine: Engine) -> None:
    with Session(engine) as session:
        enqueue(session, "lost")
        event.listen(session, "before_commit", lambda _: session.execute(text("nonsense")))
        with pytest.raises(Exception, match="nonsense"):
            session.commit()
    messages.none()


def test_what_is_enqueued_within_a_flush_is_kept_by_the_commit(messages: Captured, engine: Engine) -> None:
    class Order:
        id: int

    orders = Table("orders", MetaData(), Column("id", Integer, primary_key=True))
    registry().map_imperatively(Order, orders)
    orders.create(engine)
    with Session(engine) as session, session.begin():
        event.listen(session, "before_flush", lambda session, *_: enqueue(session, "kept"))
        session.add(Order())
    assert subjects(messages) == ["kept"]


def test_a_mail_of_a_connection_shares_its_fate(messages: Captured, engine: Engine) -> None:
    with engine.connect() as connection:
        enqueue(connection, "kept")
        connection.commit()
        enqueue(connection, "lost")
        connection.rollback()
        enqueue(connection, "left")
    with engine.begin() as connection:
        enqueue(connection, "kept too")
    assert subjects(messages) == ["kept", "kept too"]


def test_savepoints_of_a_connection_keep_or_lose_their_own(messages: Captured, engine: Engine) -> None:
    with engine.begin() as connection:
        early = connection.begin_nested()  # before anything was captured
        enqueue(connection, "early")
        with connection.begin_nested():
            enqueue(connection, "early too")
        early.rollback()
        assert subjects(messages) == []
        enqueue(connection, "kept")
        late = connection.begin_nested()
        enqueue(connection, "late")
        late.rollback()
        with connection.begin_nested():
            enqueue(connection, "released")
    assert subjects(messages) == ["kept", "released"]


def test_the_connection_of_a_session_ends_with_it(messages: Captured, engine: Engine) -> None:
    with Session(engine) as session:
        enqueue(session.connection(), "kept")
        session.commit()
        enqueue(session.connection(), "lost")
    assert subjects(messages) == ["kept"]


def test_a_rolled_back_key_is_free_again(messages: Captured, engine: Engine) -> None:
    with Session(engine) as session:
        shop.enqueue(session, to="ann@example.org", text="One.", key="k")
        session.rollback()
        shop.enqueue(session, to="ann@example.org", text="Two.", key="k")
        session.commit()
    assert messages.one(key="k").text == "Two."


def test_scoped_sessions_are_seen_through(messages: Captured, engine: Engine) -> None:
    session = scoped_session(sessionmaker(engine))
    enqueue(session, "kept")
    session.commit()
    enqueue(session, "lost")
    session.remove()
    assert subjects(messages) == ["kept"]


def test_a_connection_that_its_lender_ends_keeps_its_mail(messages: Captured, engine: Engine) -> None:
    lent = engine.execution_options(**{ENDED_ELSEWHERE: True})
    with lent.connect() as connection:
        enqueue(connection, "kept")
    assert subjects(messages) == ["kept"]


def test_an_unusable_connection_is_refused_as_ever(messages: Captured, engine: Engine) -> None:
    with engine.connect() as connection:
        pass
    with pytest.raises(outbox.UnusableConnectionError, match="closed"):
        enqueue(connection, "lost")
    messages.none()


def test_asynchronous_sessions_and_connections_are_seen_through(messages: Captured) -> None:
    async def work() -> None:
        engine = create_async_engine("sqlite+aiosqlite://")

        async def put(transaction: Any, subject: str) -> None:
            await shop.enqueue_async(transaction, to="ann@example.org", subject=subject, text="")

        async with AsyncSession(engine) as session:
            await put(session, "kept")
            await session.commit()
            await put(session, "lost")
            await session.rollback()
        async with engine.connect() as connection:
            await put(connection, "kept too")
            await connection.commit()
            await put(connection, "lost")
        scoped = async_scoped_session(async_sessionmaker(engine), asyncio.current_task)
        await put(scoped, "scoped")
        await scoped.commit()
        await put(scoped, "lost")
        await scoped.remove()
        await engine.dispose()

    asyncio.run(work())
    assert subjects(messages) == ["kept", "kept too", "scoped"]


def test_nobody_listens_to_a_session_when_the_test_is_over(engine: Engine) -> None:
    with Session(engine) as session, engine.connect() as connection:
        with captured() as messages:
            enqueue(session, "first")
            enqueue(connection, "second")
        session.rollback()
        connection.rollback()
        assert subjects(messages) == ["first", "second"]
