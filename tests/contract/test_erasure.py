"""An address that is forgotten stands nowhere any more, and nobody else's mail is lost for it."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select, update

import outbox
from outbox.control import again
from outbox.store.erasure import FORGOTTEN
from outbox.store.gates import Gates
from outbox.store.schema import attempt, gate, message, metadata, suppression, tag
from tests.contract.scene import Scene, in_state

ADA = "Ada@Example.org"
SAID = f"550 <{ADA}> is unknown"


def forget(scene: Scene, **options: Any) -> outbox.Forgotten:
    with scene.admin.begin() as connection:
        return outbox.forget(connection, ADA.lower(), **options)


def everything(scene: Scene) -> str:
    """Return all rows of all tables as one text, bodies too."""
    with scene.admin.connect() as connection:
        rows = [row for table in metadata.sorted_tables for row in connection.execute(select(table))]
    return str(rows).lower()


def mail(scene: Scene, *statuses: str, to: list[str] | None = None, **fields: Any) -> UUID:
    """Enqueue a mail to Ada, or to others as well, whose recipients are in these states."""
    given = {"to": to or [ADA], "subject": f"For {ADA}", "text": f"Dear {ADA}", "tags": {"who": ADA}}
    ids = scene.mail(**(given | fields))
    for id_, status in zip(ids, statuses, strict=True):
        scene.change(id_, **in_state(status), reply=SAID)
    with scene.admin.begin() as connection:
        for id_ in ids:
            connection.execute(
                insert(attempt).values(delivery_id=id_, fence=1, verdict="defer", reply=SAID, detail=SAID)
            )
    first: UUID = scene.row(ids[0]).message_id
    return first


def test_nothing_is_left_of_an_address_and_the_rows_stay(scene: Scene) -> None:
    mail(scene, "sent", key=f"welcome-{ADA}")
    mail(scene, "failed", "sent", to=[ADA, "bob@example.org"], key="receipt-42")
    mail(scene, "sent", sender=ADA, to=["bob@example.org"])
    other = mail(scene, "sent", to=["eve@example.org"], subject="Hello", text="Hello", tags=None)
    last = scene.rows()[-1].id
    scene.change(last, reply="2.0.0 Ok")
    with scene.admin.begin() as connection:
        mine = update(attempt).where(attempt.c.delivery_id == last)
        connection.execute(mine.values(reply="4.7.1 later", detail="later"))
    untouched = scene.message(other)
    assert ADA.lower() in everything(scene)
    assert outbox.Forgotten(messages=3, deliveries=2, attempts=4, tags=3) == forget(scene)
    assert ADA.lower() not in everything(scene)
    assert [row.recipient for row in scene.rows()] == [
        FORGOTTEN, FORGOTTEN, "bob@example.org", "bob@example.org", "eve@example.org"
    ]  # fmt: skip
    assert [row.status for row in scene.rows()] == ["sent", "failed", "sent", "sent", "sent"]
    with scene.admin.connect() as connection:
        keys = connection.execute(select(message.c.idempotency_key).order_by(message.c.id)).scalars().all()
        assert keys == [None, "receipt-42", None, None]
    assert untouched == scene.message(other)


def test_neither_does_it_stand_where_people_and_relays_say_something(scene: Scene) -> None:
    id_ = mail(scene, "held", key="x")
    with scene.admin.begin() as connection:
        outbox.cancel(connection, id_, who=ADA)
        outbox.suppress(connection, "bob@example.org", f"he moved to {ADA}", who=ADA)
        outbox.pause(connection, stream="receipts", why=f"{ADA} has asked", who=ADA)
    Gates(scene.database).report("main", SAID)
    assert forget(scene).attempts == 2
    assert ADA.lower() not in everything(scene)
    with scene.admin.connect() as connection:
        relay, stream = connection.execute(select(gate).order_by(gate.c.kind)).all()
        assert relay.fault == "550 <forgotten> is unknown"
        assert (stream.paused_why, stream.paused_by) == ("forgotten has asked", FORGOTTEN)
        (bob,) = connection.execute(select(suppression))
        assert (bob.address, bob.why, bob.who) == ("bob@example.org", "he moved to forgotten", FORGOTTEN)


@pytest.mark.parametrize("status", ["pending", "held", "in_doubt"])
def test_what_waits_for_it_is_cancelled_and_erased(scene: Scene, status: str) -> None:
    mail(scene, status)
    # What a relay may hold already is in doubt first.
    scene.change(scene.rows()[0].id, doubts=1)
    found = forget(scene, who="ann")
    assert (found.cancelled, found.messages, found.left) == (1, 1, ())
    assert [row.status for row in scene.rows()] == ["cancelled"]
    assert ADA.lower() not in everything(scene)
    assert {note.who for note in scene.attempts() if note.verdict == "cancel"} == {"ann"}


@pytest.mark.parametrize("status", ["pending", "held", "in_doubt", "sending"])
def test_a_mail_that_has_to_go_to_others_is_left_until_it_has(scene: Scene, status: str) -> None:
    id_ = mail(scene, "sent", status, to=[ADA, "bob@example.org"])
    before = scene.message(id_)
    assert outbox.Forgotten(left=(id_,)) == forget(scene)
    assert before == scene.message(id_)
    scene.change([row.id for row in scene.rows()][1], **in_state("sent"))
    assert ((found := forget(scene)).messages, found.left) == (1, ())
    assert ADA.lower() not in everything(scene)


def test_a_mail_that_is_left_stays_whole_while_others_of_its_are_erased(scene: Scene) -> None:
    id_ = mail(scene, "sent", "held", to=[ADA, "bob@example.org"], key=f"welcome-{ADA}")
    before = scene.message(id_), scene.rows(), scene.attempts()
    mail(scene, "sent")
    assert outbox.Forgotten(messages=1, deliveries=1, attempts=1, tags=1, left=(id_,)) == forget(scene)
    assert before == (scene.message(id_), scene.rows()[:2], scene.attempts()[:2])
    assert scene.count(tag) == 1


def test_fault_87_what_is_being_sent_to_it_is_left_and_does_not_go_again(scene: Scene) -> None:
    id_ = mail(scene, "sending")
    assert outbox.Forgotten(left=(id_,)) == forget(scene)
    assert [(row.status, row.wish) for row in scene.rows()] == [("sending", "cancel")]


def test_what_was_said_to_others_of_its_mails_stays_but_where_it_is_named(scene: Scene) -> None:
    mail(scene, "sent", "failed", to=[ADA, "bob@example.org"])
    _, bobs = [row.id for row in scene.rows()]
    scene.change(bobs, reply="550 no such user")
    with scene.admin.begin() as connection:
        its = update(attempt).where(attempt.c.delivery_id == bobs)
        connection.execute(its.values(reply="550 no such user", detail="RCPT TO"))
    assert forget(scene).attempts == 1
    bob = scene.row(bobs)
    assert (bob.recipient, bob.reply) == ("bob@example.org", "550 no such user")
    with scene.admin.connect() as connection:
        said = connection.execute(select(attempt.c.reply, attempt.c.detail).order_by(attempt.c.id)).all()
    assert said == [(None, None), ("550 no such user", "RCPT TO")]


def test_what_people_and_relays_say_without_it_stays(scene: Scene) -> None:
    with scene.admin.begin() as connection:
        outbox.pause(connection, stream="receipts", why=f"{ADA} has asked", who="ann")
        outbox.pause(connection, stream="bulk", why="prices are wrong", who="bob")
    Gates(scene.database).report("main", "550 not now")
    forget(scene)
    with scene.admin.connect() as connection:
        found = connection.execute(select(gate.c.fault, gate.c.paused_why, gate.c.paused_by)).all()
    assert set(found) == {
        ("550 not now", None, None),
        (None, "forgotten has asked", "ann"),
        (None, "prices are wrong", "bob"),
    }


def test_that_it_gets_no_mail_is_remembered_unless_that_is_to_go_too(scene: Scene) -> None:
    with scene.application.begin() as connection:
        outbox.suppress(connection, ADA, "she asked for it")
    assert forget(scene).suppressions == 0
    assert scene.count(suppression) == 1
    assert forget(scene, unsuppress=True).suppressions == 1
    assert scene.count(suppression) == 0


def test_a_part_of_another_address_is_not_meant(scene: Scene) -> None:
    mail(scene, "sent", to=["x" + ADA], subject="Hello", text="Hello", tags=None)
    assert outbox.Forgotten() == forget(scene)


def test_what_a_relay_said_of_it_at_mail_to_others_stays_as_the_page_says(scene: Scene) -> None:
    mail(scene, "sent", to=["eve@example.org"])
    before = scene.rows(), scene.attempts()
    mail(scene, "sent")
    assert outbox.Forgotten(messages=1, deliveries=1, attempts=1, tags=1) == forget(scene)
    assert before == (scene.rows()[:1], scene.attempts()[:1])


def test_a_failed_mail_to_nobody_is_never_tried_again(scene: Scene) -> None:
    id_ = mail(scene, "failed")
    forget(scene)
    with scene.admin.begin() as connection:
        for as_new in (False, True):
            (change,) = outbox.retry(connection, id_, as_new=as_new)
            assert not change.done


def test_mail_that_did_not_go_to_it_is_not_looked_into_as_the_page_says(scene: Scene) -> None:
    ids = scene.mail(to=[ADA, "bob@example.org"])
    for id_ in ids:
        scene.change(id_, **in_state("failed"))
    with scene.admin.begin() as connection:
        (change,) = again(connection, ids[1:], only=None, who="ann", note=None)
    anew = change.new_message_id
    assert anew is not None
    scene.change(scene.rows()[-1].id, **in_state("sent"))
    assert forget(scene).messages == 1
    assert b"To: Ada@example.org, bob@example.org" in scene.message(anew).mime
    with scene.admin.begin() as connection:
        assert outbox.forget(connection, "bob@example.org").messages == 2
    assert scene.message(anew).mime is None
