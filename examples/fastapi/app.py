"""A shop on FastAPI: an order and its mail in one transaction, and the daemon in the same process.

Run it from the root of the checkout: make fastapi
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, Form, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import create_engine, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

import outbox
from outbox.embedded import Daemon

FILE = Path(os.environ.get("EXAMPLE_FOLDER", ".")) / "shop.sqlite3"

engine = create_async_engine(f"sqlite+aiosqlite:///{FILE}")
outbox.prepare_sqlite(engine)
new_session = async_sessionmaker(engine, expire_on_commit=False)
mails = outbox.Outbox(sender="Teas <shop@example.org>")


class Base(DeclarativeBase):
    """The shop's tables; the outbox brings its own."""


class Order(Base):
    """What somebody has ordered."""

    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    tea: Mapped[str]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Create the tables, and send mail as long as the application runs."""
    # Alembic and the daemon are synchronous, and have connections of their own.
    url = f"sqlite:///{FILE}"
    own = create_engine(url)
    outbox.migrate(own)
    Base.metadata.create_all(own)
    own.dispose()
    with Daemon(database_url=url):
        yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


async def session() -> AsyncIterator[AsyncSession]:
    """Give a request its session."""
    async with new_session() as opened:
        yield opened


Database = Annotated[AsyncSession, Depends(session)]


@app.post("/orders")
async def order(
    database: Database, email: Annotated[str, Form()], tea: Annotated[str, Form()]
) -> RedirectResponse:
    """Take an order: it and its mail are committed together, or neither is."""
    new = Order(email=email, tea=tea)
    database.add(new)
    await database.flush()  # it has its number now
    try:
        await mails.enqueue_async(
            database,
            to=email,
            subject=f"Your order {new.id}",
            text=f"Thank you. Your {tea} is on its way.",
            key=f"order-{new.id}",
        )
    except outbox.InvalidEmailError as error:  # the session ends, and with it the order
        raise HTTPException(422, str(error)) from error
    await database.commit()
    return RedirectResponse("/", status_code=303)


@app.get("/", response_class=HTMLResponse)
async def index(database: Database) -> str:
    """Show a form, and where the mail of each order stands."""
    orders = await database.scalars(select(Order).order_by(Order.id.desc()).limit(20))
    lines = [f"<li>{each.id}: {escape(each.tea)}, mail {await _mail_of(database, each)}" for each in orders]
    return PAGE + "".join(lines)


async def _mail_of(database: AsyncSession, order: Order) -> str:
    # Questions are synchronous: run_sync gives them the session's own connection.
    status = await database.run_sync(outbox.status, key=f"order-{order.id}")
    return status.status.value if status else "none"


PAGE = """<!DOCTYPE html>
<html lang="en"><title>Teas</title>
<form method="post" action="/orders">
  <input name="email" type="email" placeholder="you@example.org" required>
  <input name="tea" placeholder="Green, first harvest" required>
  <button>Order</button>
</form>
<ul>"""
