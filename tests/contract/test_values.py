"""What goes into a database comes out of it, byte by byte and to the microsecond."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text, update

from outbox.mail.options import searchable
from outbox.store.insert import NewMessage, insert_messages
from outbox.store.schema import delivery, message, tag
from tests.contract.scene import Scene

EVERY_BYTE = bytes(range(256))
INSTANT = datetime(2026, 3, 29, 2, 30, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))


def values(**changes: Any) -> dict[str, Any]:
    """Return the values of a new message, with these among them."""
    return {
        "id": uuid4(),
        "sender": "shop@example.org",
        "recipients": ("ann@example.org",),
        "subject": "Hello",
        "message_id": "<1@example.org>",
        "mime": b"Subject: Hello\r\n\r\n",
        "payload_hash": "0" * 64,
        "on_doubt": "resend",
        **changes,
    }


def put(scene: Scene, **changes: Any) -> UUID:
    """Insert a message of these values as the intake would, and return its id."""
    with scene.application.begin() as connection:
        (id_,) = insert_messages(connection, [NewMessage(**values(**changes))])
    return id_


@pytest.mark.parametrize(
    "mime",
    [
        b"",
        b"\r\n.\r\n",
        EVERY_BYTE,
        b"%s %(x)s :name \\ ' \" ` \x00\x1a\x7f",
        "Grüße".encode(),
        "Grüße".encode("latin-1"),
        EVERY_BYTE * 4096,
        b"0123456789abcde\n" * 65_536,
    ],
    ids=["empty", "dots", "every byte", "quotes", "utf-8", "latin-1", "1 MB of 8 bits", "1 MB of 7 bits"],
)
def test_the_bytes_of_a_message_arrive_exactly(scene: Scene, mime: bytes) -> None:
    id_ = put(scene, mime=mime)
    assert mime == scene.queue.messages([id_])[id_].mime
    assert len(mime) == scene.rows()[0].size


def test_many_mails_arrive_as_one_does(scene: Scene) -> None:
    """Where many are one statement, all but their bodies travels there as text."""
    odd = timezone(timedelta(hours=5, minutes=30, seconds=7, microseconds=9))
    mail = NewMessage(
        **values(
            subject="Привет 🎉 \\u0041 '; %s",
            mime=EVERY_BYTE,
            tags={"order": 42, "größe": 'x"\\y', "rate": 1.5e-7, "vip": True, "deep": [None, {"a": "ü"}]},
            send_at=INSTANT.astimezone(odd),
            expires_at=(INSTANT + timedelta(days=30_000)).astimezone(odd),
            stream="tenant/7",
        )
    )
    others: tuple[dict[str, Any], ...] = ({}, {"mime": b""}, {"tags": None, "send_at": None})
    few = [mail._replace(id=UUID(int=n), **changes) for n, changes in enumerate(others, 1)]
    for batch in ([mail._replace(id=UUID(int=0))], few):
        with scene.application.begin() as connection:
            insert_messages(connection, batch)
    told = (message.c.subject, message.c.mime, message.c.size, message.c.tags, delivery.c.stream)
    wanted = select(*told, delivery.c.due_at, delivery.c.expires_at).join(delivery).order_by(message.c.id)
    alone, same, empty, bare = scene.database.read(lambda connection: connection.execute(wanted).all())
    assert alone == same
    assert (mail.subject, EVERY_BYTE, 256, mail.tags, "tenant/7", INSTANT, mail.expires_at) == tuple(alone)
    assert (b"", 0, mail.tags) == (empty.mime, empty.size, empty.tags)
    assert (EVERY_BYTE, None, mail.expires_at) == (bare.mime, bare.tags, bare.expires_at)
    found = select(tag.c.name, tag.c.value).order_by(tag.c.message_id, tag.c.name)
    names = scene.database.read(lambda connection: connection.execute(found).all())
    assert sorted(searchable(mail.tags).items()) * 3 == [tuple(each) for each in names]


@pytest.mark.parametrize("mails", [1, 2])
def test_recipients_arrive_in_order_whatever_signs_they_have(scene: Scene, mails: int) -> None:
    """A mail that is sent again takes them from the table, where plain SQL may have written anything."""
    odd = (
        "a@example.org\nb@example.org",
        '{"x",[y]}',
        "c\\d'@example.org",
        "jürgen@example.org",
        "NULL",
        "%s",
    )
    new = [NewMessage(**values(recipients=odd)) for _ in range(mails)]
    with scene.application.begin() as connection:
        insert_messages(connection, new)
    wanted = select(delivery.c.recipient).order_by(delivery.c.message_id, delivery.c.n)
    found = scene.database.read(lambda connection: connection.execute(wanted).scalars().all())
    assert list(odd) * mails == found


@pytest.mark.parametrize("subject", ["", "Grüße ", "Привет 日本 🎉", "'; DROP TABLE x; --", "%s"])
def test_text_of_any_script_arrives(scene: Scene, subject: str) -> None:
    id_ = put(scene, subject=subject)
    wanted = select(message.c.subject).where(message.c.id == id_)
    assert subject == scene.database.read(lambda connection: connection.execute(wanted).scalar_one())


@pytest.mark.parametrize(
    "email",
    ["zoë@xn--bcher-kva.example", "Zoë@example.org", "用户@example.org", f"{'🎉' * 16}@example.org"],
    ids=ascii,
)
def test_an_address_beyond_ascii_arrives_and_its_claim_carries_it(scene: Scene, email: str) -> None:
    scene.mail(to=["ann@example.org"], bcc=[email], sender=f"Zoë <{email}>")
    claims = sorted(scene.queue.claim(scene.start(), 2), key=lambda claim: claim.n)
    assert ["ann@example.org", email] == [claim.recipient for claim in claims]
    sent = scene.queue.messages([claims[0].message_id])[claims[0].message_id]
    assert email == sent.sender
    assert f" <{email}>\r\nTo: ann@example.org\r\n".encode() in sent.mime
    assert [len(sent.mime)] * 2 == [claim.size for claim in claims]


@pytest.mark.parametrize(
    "tags",
    [
        None,
        {},
        {"order": 4711, "price": 1.5, "paid": True, "note": None, "lines": [1, [2, {"a": "ü🎉"}]]},
        {"Key": 1, "key": 2, "key ": 3, "": "'\"\\%s"},
        {"big": 2**53 - 1},
    ],
)
def test_tags_come_back_as_they_went_in(scene: Scene, tags: Any) -> None:
    id_ = put(scene, tags=tags)
    wanted = select(message.c.tags).where(message.c.id == id_)
    assert tags == scene.database.read(lambda connection: connection.execute(wanted).scalar_one())


def test_no_tags_are_an_sql_null_not_a_json_one(scene: Scene) -> None:
    put(scene, tags=None)
    nulls = text("SELECT count(*) FROM outbox_message WHERE tags IS NULL")
    assert scene.database.read(lambda connection: connection.execute(nulls).scalar_one()) == 1


def test_an_instant_keeps_its_microseconds_and_comes_back_in_utc(scene: Scene) -> None:
    put(scene, send_at=INSTANT, expires_at=INSTANT + timedelta(microseconds=1))
    (row,) = scene.rows()
    assert (row.due_at, row.expires_at) == (INSTANT, INSTANT + timedelta(microseconds=1))
    assert row.due_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("year", [1971, 2037, 2039, 9999])
def test_an_instant_of_any_year_is_kept(scene: Scene, year: int) -> None:
    instant = datetime(year, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    put(scene, send_at=instant)
    assert instant == scene.rows()[0].due_at


def test_instants_are_compared_as_times_of_one_zone(scene: Scene) -> None:
    put(scene)
    earlier = INSTANT.astimezone(timezone(timedelta(hours=-8)))
    with scene.admin.begin() as connection:
        connection.execute(update(delivery).values(due_at=INSTANT))
        found = select(delivery.c.id).where(delivery.c.due_at <= earlier)
        assert connection.execute(found).all()
        found = select(delivery.c.id).where(delivery.c.due_at < earlier)
        assert not connection.execute(found).all()


def test_the_time_that_the_database_fills_in_compares_with_one_that_we_give(scene: Scene) -> None:
    put(scene)
    with scene.application.begin() as connection:
        now = datetime.now(UTC)
        near = (
            select(delivery.c.id)
            .where(delivery.c.due_at > now - timedelta(minutes=5))
            .where(delivery.c.due_at < now + timedelta(minutes=5))
        )
        assert connection.execute(near).all()


def test_ids_are_told_apart_and_read_as_uuids(scene: Scene) -> None:
    ids = [put(scene, id=UUID(int=n)) for n in (0, 1, 2**128 - 1)]
    assert ids == sorted(scene.queue.messages(ids))
