"""A message of plain SQL is completed once, before any of it can be sent; other messages are only read."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, event, insert, select, text, update

from outbox import migrate
from outbox.mail.complete import completed
from outbox.mail.status import OnDoubt
from outbox.store.bodies import Message
from outbox.store.schema import message
from tests.contract.scene import Scene, message_row

T = TypeVar("T")

RAW = "Subject: Grüße\n\nHello Ada,\ngrüß dich\n".encode()
REFUSE = {
    "sqlite": (
        """CREATE TRIGGER frozen BEFORE UPDATE ON outbox_message WHEN OLD.subject = 'frozen'
        BEGIN SELECT RAISE(ABORT, 'no change'); END""",
    ),
    "postgresql": (
        """CREATE FUNCTION frozen() RETURNS trigger AS $$ BEGIN IF OLD.subject = 'frozen' THEN
        RAISE EXCEPTION 'no change'; END IF; RETURN NEW; END $$ LANGUAGE plpgsql""",
        "CREATE TRIGGER frozen BEFORE UPDATE ON outbox_message FOR EACH ROW EXECUTE FUNCTION frozen()",
    ),
    "mysql": (
        """CREATE TRIGGER frozen BEFORE UPDATE ON outbox_message FOR EACH ROW IF OLD.subject = 'frozen' THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no change'; END IF""",
    ),
}
ALLOW = {"postgresql": ("DROP TRIGGER frozen ON outbox_message", "DROP FUNCTION frozen()")}


def put(scene: Scene, **changes: Any) -> UUID:
    """Insert a message as plain SQL may."""
    id_ = uuid4()
    row = message_row(id_) | {"message_id": "", "subject": "", "payload_hash": "", "mime": RAW, "size": 0}
    with scene.admin.begin() as connection:
        connection.execute(insert(message).values(row | changes))
    return id_


def written(scene: Scene, id_: UUID) -> dict[str, Any]:
    """Read what the daemon may change of a message, and when it was inserted."""
    columns = (message.c.mime, message.c.message_id, message.c.subject, message.c.size, message.c.created_at)
    wanted = select(*columns).where(message.c.id == id_)
    return dict(scene.database.read(lambda connection: connection.execute(wanted).one())._mapping)


@contextmanager
def statements(scene: Scene) -> Iterator[list[str]]:
    """Give the list of what is said to the database in the block."""
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        # psycopg's BEGIN is ours to say.
        said.extend([statement.split(maxsplit=1)[0]] if not statement.startswith("BEGIN") else [])

    engines = {scene.database.engine, scene.database._reader}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield said
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


def test_a_marked_message_is_completed_and_kept_before_it_is_given(scene: Scene) -> None:
    id_ = put(scene)
    at = written(scene, id_)["created_at"]
    expected = completed(RAW, id=id_, sender="shop@example.org", at=at)
    given = scene.queue.messages([id_])
    assert given == {id_: Message(id_, "shop@example.org", expected.mime, OnDoubt.RESEND)}
    assert written(scene, id_) == {
        "mime": expected.mime,
        "message_id": f"<{id_.hex}@example.org>",
        "subject": "Grüße",
        "size": len(expected.mime),
        "created_at": at,
    }


def test_a_completed_message_is_given_again_as_it_was(scene: Scene) -> None:
    id_ = put(scene)
    first = scene.queue.messages([id_])
    with statements(scene) as said:
        assert first == scene.queue.messages([id_])
    assert said == ["SELECT"]


def test_a_subject_that_was_given_stays(scene: Scene) -> None:
    id_ = put(scene, subject="Ours")
    scene.queue.messages([id_])
    assert written(scene, id_)["subject"] == "Ours"


def test_mail_of_the_library_costs_one_read(scene: Scene) -> None:
    _, claims = scene.held(3)
    with statements(scene) as said:
        scene.queue.messages({claim.message_id for claim in claims})
    assert said == ["SELECT"]


def test_whoever_comes_second_sends_what_the_first_has_written(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, lost = put(scene), put(scene)
    write = scene.database.write

    def late(work: Callable[[Connection], T]) -> T:
        with scene.admin.begin() as connection:
            theirs = {"mime": b"Subject: theirs\r\n", "message_id": "<theirs@example.org>"}
            connection.execute(update(message).where(message.c.id == lost).values(theirs))
        return write(work)

    monkeypatch.setattr(scene.database, "write", late)
    given = scene.queue.messages([mine, lost])
    assert given[lost].mime == b"Subject: theirs\r\n"
    assert {"message_id": "<theirs@example.org>", "subject": "", "size": 0}.items() <= written(
        scene, lost
    ).items()
    assert given[mine].mime == written(scene, mine)["mime"] != RAW


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"mime": b" \r\n"}, "mime: is empty"),
        ({"sender": "shop"}, "sender: has no @: 'shop'"),
        ({"sender": "a@b.c\r\nBcc: eve@example.org"}, "sender: has the control character '\\r'"),
        ({"sender": "Shop <shop@example.org>"}, "sender: has more than the address"),
    ],
)
def test_what_cannot_be_completed_is_told_and_the_others_go(
    scene: Scene, changes: dict[str, Any], problem: str
) -> None:
    bad, good = put(scene, **changes), put(scene)
    given = scene.queue.messages([bad, good])
    assert (given[bad].mime, given[bad].may_pass) == (b"", False)
    assert problem in (given[bad].problem or "")
    assert given[good].mime == written(scene, good)["mime"] != RAW
    assert written(scene, bad)["message_id"] == ""


@pytest.mark.parametrize("mime", [None, b""])
def test_a_message_without_bytes_is_given_without(scene: Scene, mime: bytes | None) -> None:
    id_ = put(scene, mime=mime)
    assert {id_: Message(id_, "shop@example.org", b"", OnDoubt.RESEND)} == scene.queue.messages([id_])


def test_a_message_that_a_trigger_keeps_from_completion_waits_and_the_others_go(scene: Scene) -> None:
    name = scene.application.dialect.name
    frozen, good = put(scene, subject="frozen"), put(scene)
    _run(scene, REFUSE[name])
    try:
        given = scene.queue.messages([frozen, good])
    finally:
        _run(scene, ALLOW.get(name, ("DROP TRIGGER frozen",)))
    assert (given[frozen].mime, given[frozen].may_pass) == (b"", True)
    assert "the database refuses the completed message: " in (given[frozen].problem or "")
    assert "no change" in (given[frozen].problem or "")
    assert given[good].mime == written(scene, good)["mime"] != RAW
    assert scene.queue.messages([frozen])[frozen].mime == written(scene, frozen)["mime"]


def test_a_message_that_grows_beyond_a_packet_is_refused_and_the_others_go(mysql_url: str) -> None:
    scene = Scene(mysql_url)
    migrate(scene.admin)
    large, good = put(scene), put(scene)
    with scene.admin.begin() as connection:
        connection.execute(
            text("UPDATE outbox_message SET mime = REPEAT('ü', 6500000) WHERE id = :id"), {"id": large.hex}
        )
    given = scene.queue.messages([large, good])
    assert (given[large].mime, given[large].may_pass) == (b"", False)
    assert "max_allowed_packet" in (given[large].problem or "")
    assert given[good].mime == written(scene, good)["mime"] != RAW
    scene.close()


def _run(scene: Scene, commands: Sequence[str]) -> None:
    with scene.admin.begin() as connection:
        for command in commands:
            connection.execute(text(command))
