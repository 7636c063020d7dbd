"""The page on asyncio: its examples run, and a mail arrives by them."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

import outbox
from tests.support.aiosmtpd_server import AiosmtpdServer
from tests.support.waiting import wait_until

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "asyncio.md").read_text(encoding="utf-8")


class Base(DeclarativeBase): ...


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]


@pytest.mark.usefixtures("no_settings")
def test_a_mail_is_enqueued_sent_and_asked_about_as_the_page_does(monkeypatch: pytest.MonkeyPatch) -> None:
    own = create_engine("sqlite:///shop.sqlite3")
    outbox.migrate(own)
    Base.metadata.create_all(own)
    own.dispose()
    names: dict[str, Any] = {"Order": Order}
    with AiosmtpdServer() as server:
        monkeypatch.setenv("OUTBOX_SMTP_PORT", str(server.port))
        monkeypatch.setenv("OUTBOX_SMTP_TLS", "none")
        for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
            exec(block.replace("relay.example.org", server.host), names)  # noqa: S102 - the block is what is tested

        async def use() -> str:
            engine = create_async_engine("sqlite+aiosqlite:///shop.sqlite3")
            outbox.prepare_sqlite(engine)
            async with (
                names["lifespan"](names["app"]),
                AsyncSession(engine, expire_on_commit=False) as session,
            ):
                order = Order(email="ada@example.org")
                await names["place"](session, order)
                await asyncio.to_thread(wait_until, lambda: len(server.mails) == 1, "it has arrived")
            async with AsyncSession(engine) as session:
                status: str = await names["status_of"](session, order)
            await engine.dispose()
            return status

        assert asyncio.run(use()) == "sent"
    assert b"Subject: Your order 1" in server.mails[0][1]
