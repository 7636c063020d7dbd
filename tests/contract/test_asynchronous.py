"""An application on asyncio enqueues in the transaction of its own session, on each driver that there is."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import make_url, select
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_scoped_session,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import Session, scoped_session, sessionmaker

import outbox
from outbox import InvalidEmailError, UnusableConnectionError
from outbox.store.schema import message
from tests.contract.scene import Scene

FIELDS: dict[str, Any] = {"to": ["ann@example.org", "bob@example.org"], "text": "Hello."}
DRIVERS = {"sqlite": ["aiosqlite"], "postgresql": ["psycopg", "asyncpg"], "mysql": ["asyncmy"]}

Work = Callable[[AsyncEngine], Awaitable[None]]


@asynccontextmanager
async def _engine(scene: Scene, driver: str) -> AsyncIterator[AsyncEngine]:
    url = scene.application.url
    engine = create_async_engine(url.set(drivername=f"{url.get_backend_name()}+{driver}"))
    if scene.is_sqlite:
        outbox.prepare_sqlite(engine)
    yield engine
    await engine.dispose()


def run(scene: Scene, work: Work) -> None:
    """Run `work` with an engine of each asynchronous driver of this database."""

    async def with_each() -> None:
        for driver in DRIVERS[make_url(scene.url).get_backend_name()]:
            scene.empty()
            async with _engine(scene, driver) as engine:
                await work(engine)

    asyncio.run(with_each())


def subjects(scene: Scene) -> list[str]:
    ask = select(message.c.subject).order_by(message.c.subject)
    return list(scene.database.read(lambda connection: connection.execute(ask).scalars()))


def test_mail_exists_when_the_session_commits_and_never_did_when_it_rolls_back(scene: Scene) -> None:
    async def work(engine: AsyncEngine) -> None:
        async with AsyncSession(engine) as session:
            id_ = await scene.outbox.enqueue_async(session, subject="committed", **FIELDS)
            await session.commit()
            await scene.outbox.enqueue_async(session, subject="rolled back", tags={"a": 1}, **FIELDS)
            await session.rollback()
        assert isinstance(id_, UUID)
        assert subjects(scene) == ["committed"]
        assert len(scene.rows()) == 2

    run(scene, work)


def test_a_connection_a_savepoint_and_a_scoped_session_carry_it_too(scene: Scene) -> None:
    async def work(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            await scene.outbox.enqueue_async(connection, outbox.Email(subject="kept", **FIELDS))
            async with connection.begin_nested() as savepoint:
                await scene.outbox.enqueue_async(connection, subject="undone", **FIELDS)
                await savepoint.rollback()
        scoped = async_scoped_session(async_sessionmaker(engine), scopefunc=asyncio.current_task)
        await scene.outbox.enqueue_async(scoped, subject="scoped", **FIELDS)
        await scoped.commit()
        await scoped.remove()
        assert subjects(scene) == ["kept", "scoped"]

    run(scene, work)


def test_many_go_in_at_once_and_a_key_is_taken_once(scene: Scene) -> None:
    async def work(engine: AsyncEngine) -> None:
        mails: list[Any] = [FIELDS | {"subject": str(n), "key": f"key-{n % 2}", "text": ""} for n in range(2)]
        async with AsyncSession(engine) as session, session.begin():
            first = await scene.outbox.enqueue_many_async(session, mails)
            again = await scene.outbox.enqueue_many_async(session, mails)
        assert first == again
        assert subjects(scene) == ["0", "1"]

    run(scene, work)


def test_a_mail_that_is_wrong_is_refused_and_the_transaction_goes_on(scene: Scene) -> None:
    async def work(engine: AsyncEngine) -> None:
        async with AsyncSession(engine) as session, session.begin():
            with pytest.raises(InvalidEmailError, match=r"^to: "):
                await scene.outbox.enqueue_async(session, to="nobody", text="Hello.")
            await scene.outbox.enqueue_async(session, subject="right", **FIELDS)
        assert subjects(scene) == ["right"]

    run(scene, work)


def test_what_is_not_asynchronous_is_refused_with_the_remedy(scene: Scene) -> None:
    refused = pytest.raises(UnusableConnectionError, match=r"Call outbox\.enqueue\(…\), without await")
    with scene.application.begin() as connection:
        session = Session(connection)
        carriers: list[Any] = [connection, session, scoped_session(sessionmaker(connection))]
        for carrier in carriers:
            with refused:
                asyncio.run(scene.outbox.enqueue_async(carrier, **FIELDS))
    assert scene.count(message) == 0


def test_what_carries_no_transaction_is_refused_with_the_way_to_one(scene: Scene) -> None:
    async def work(engine: AsyncEngine) -> None:
        carriers: list[Any] = [engine, async_sessionmaker(engine), scene.application, None]
        for carrier in carriers:
            with pytest.raises(UnusableConnectionError, match=r"async with engine\.begin\(\) as connection"):
                await scene.outbox.enqueue_async(carrier, **FIELDS)

    run(scene, work)
