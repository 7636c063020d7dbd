"""Rows that plain SQL has inserted wrong end as failed, each with its reason, and keep no other mail back."""

from email.parser import BytesParser
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, text

from outbox.store.schema import delivery, message
from tests.contract.scene import delivery_row, message_row
from tests.support.aiosmtpd_server import AiosmtpdServer
from tests.support.daemon import Application, application
from tests.support.inside import daemon_inside
from tests.support.waiting import wait_until

BAD: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("no bytes", {"mime": b""}, {}, "the message has no bytes"),
    ("NULL bytes", {"mime": None}, {}, "the message has no bytes"),
    ("blank bytes", {"mime": b" \n"}, {}, "mime: is empty"),
    ("no bytes of a whole one", {"mime": b"", "message_id": "<1@b.c>"}, {}, "the message has no bytes"),
    ("bare LF in a whole one", {"mime": b"a\nb", "message_id": "<1@b.c>"}, {}, "not part of a CRLF"),
    ("sender without @", {"sender": "shop"}, {}, "sender: has no @: 'shop'"),
    ("sender of two lines", {"sender": "a@b.c\r\nDATA"}, {}, "sender: has the control character"),
    (
        "sender of two lines of a whole one",
        {"sender": "a@b.c\r\nDATA", "message_id": "<1@b.c>", "mime": b"A: b\r\n\r\n"},
        {},
        "MAIL FROM: not an address",
    ),
    ("recipient of two lines", {}, {"recipient": "a@b.c>\r\nDATA"}, "RCPT TO: not an address"),
    ("recipient without @", {}, {"recipient": "ann"}, "RCPT TO: not an address"),
    ("no recipient", {}, {"recipient": ""}, "RCPT TO: not an address"),
    ("recipient with a name", {}, {"recipient": "Ann <a@b.c>"}, "RCPT TO: not an address"),
    ("recipient with a NUL-like blank", {}, {"recipient": "a@b.c\x0b"}, "RCPT TO: not an address"),
]


def put(app: Application, mail: dict[str, Any], *recipients: dict[str, Any]) -> UUID:
    """Insert a message as plain SQL may, with these recipients."""
    id_ = uuid4()
    plain = {"message_id": "", "subject": "", "payload_hash": "", "mime": b"Hello", "size": 0}
    with app.engine.begin() as connection:
        connection.execute(insert(message).values(message_row(id_) | plain | mail))
        for n, recipient in enumerate(recipients):
            row = delivery_row(id_, n) | {"recipient": f"good{n}@example.org", "size": -n}
            connection.execute(insert(delivery).values(row | recipient))
    return id_


def wait_ended(app: Application, count: int) -> None:
    """Wait until so many deliveries are sent or have failed."""
    wait_until(lambda: app.counts()["sent"] + app.counts()["failed"] == count, "each has ended")


def why(app: Application) -> list[str]:
    """Read what the attempts of failed deliveries say."""
    wanted = """SELECT a.detail FROM outbox_attempt a JOIN outbox_delivery d ON d.id = a.delivery_id
        WHERE d.status = 'failed' ORDER BY d.id"""
    with app.engine.connect() as connection:
        return list(connection.execute(text(wanted)).scalars())


def test_bad_rows_fail_with_their_reason_and_all_others_are_sent(database_url: str) -> None:
    with application(database_url) as app, AiosmtpdServer() as server:
        for _, mail, recipient, _ in BAD:
            # Where the recipient is bad, another of the same message is good.
            put(app, mail, recipient, *([{}] if recipient else []))
            put(app, {}, {})
        with daemon_inside(database_url, server.port, connections=2) as inside:
            wait_ended(app, 2 * len(BAD) + sum(bool(recipient) for _, _, recipient, _ in BAD))
            inside.drain()
        reasons = why(app)
    assert [
        name for (name, _, _, expected), found in zip(BAD, reasons, strict=True) if expected not in found
    ] == []
    assert len(server.mails) == len(BAD) + sum(bool(recipient) for _, _, recipient, _ in BAD)


@pytest.mark.parametrize("id_", ["no-uuid", "", "ABCDEF00ABCDEF00ABCDEF00ABCDEF00", str(UUID(int=7))])
def test_an_id_that_sqlite_takes_but_that_is_not_32_hex_digits_fails_its_deliveries_only(
    sqlite_url: str, id_: str
) -> None:
    with application(sqlite_url) as app, AiosmtpdServer() as server:
        bad = put(app, {}, {})
        for table, column in (("outbox_delivery", "message_id"), ("outbox_message", "id")):
            run(app, f"UPDATE {table} SET {column} = :new WHERE {column} = :old", new=id_, old=bad.hex)
        put(app, {}, {})
        with daemon_inside(sqlite_url, server.port) as inside:
            wait_ended(app, 2)
            inside.drain()
        assert [reason.partition(".")[0] for reason in why(app)] == [
            "no message has the id that this delivery names"
        ]
    assert len(server.mails) == 1


def test_a_message_that_sqlite_keeps_as_text_is_sent(sqlite_url: str) -> None:
    with application(sqlite_url) as app, AiosmtpdServer() as server:
        id_ = put(app, {}, {})
        run(app, "UPDATE outbox_message SET mime = 'Grüße' WHERE id = :id", id=id_.hex)
        with daemon_inside(sqlite_url, server.port) as inside:
            app.wait_sent(1)
            inside.drain()
    assert "Grüße\r\n".encode() == BytesParser().parsebytes(server.mails[0][1]).get_payload(decode=True)


@pytest.mark.parametrize("instant", ["1/5/2026 12:00", "01.05.2026", 1_777_000_000, ""])
def test_an_instant_that_sqlite_takes_but_that_is_none_keeps_no_mail_back(
    sqlite_url: str, instant: object
) -> None:
    with application(sqlite_url) as app, AiosmtpdServer() as server:
        odd, late = put(app, {}, {}), put(app, {}, {})
        run(app, "UPDATE outbox_message SET created_at = :at WHERE id = :id", at=instant, id=odd.hex)
        run(app, "UPDATE outbox_delivery SET due_at = :at WHERE message_id = :id", at=instant, id=late.hex)
        put(app, {}, {})
        with daemon_inside(sqlite_url, server.port) as inside:
            app.wait_sent(2)
            inside.drain()
        assert app.counts()["failed"] == 0


def test_a_mail_that_never_expires_keeps_no_mail_back(postgresql_url: str) -> None:
    with application(postgresql_url) as app, AiosmtpdServer() as server:
        put(app, {}, {"expires_at": text("'infinity'")}, {"due_at": text("'infinity'")})
        put(app, {}, {})
        with daemon_inside(postgresql_url, server.port) as inside:
            app.wait_sent(2)
            inside.drain()
        assert app.counts() == {"sent": 2, "pending": 1}


def run(app: Application, statement: str, **parameters: object) -> None:
    """Run one statement in a transaction of its own."""
    with app.engine.begin() as connection:
        connection.execute(text(statement), parameters)
