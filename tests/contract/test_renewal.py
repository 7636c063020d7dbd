"""What has ended may be sent again as a new mail, and the old one stays as it is."""

import re
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row, select, update

import outbox
from outbox import Change, Status
from outbox.mail.request import ERASED
from outbox.mail.status import FINAL
from outbox.store.renewal import NOT_YET, whole_mails
from outbox.store.schema import message, tag
from tests.contract.crowd import at_once
from tests.contract.scene import Scene, in_state

ANN, BOB, EVE = "ann@example.org", "bob@example.org", "eve@example.org"
KEPT = ("stream", "sender", "subject", "tags", "on_doubt")
_RENEWED = re.compile(rb"^(?:Message-ID|Date):.*\r\n", re.MULTILINE)


def _lines(mime: bytes) -> list[bytes]:
    """Return the lines of a message but for those that are new, in an order of their own."""
    return sorted(_RENEWED.sub(b"", mime).splitlines())


def renewed(scene: Scene, *named: Any, **which: Any) -> list[Change]:
    with scene.admin.begin() as connection:
        return outbox.retry(connection, *named, as_new=True, **which)


def messages(scene: Scene) -> dict[UUID, Row[Any]]:
    rows = scene.database.read(lambda connection: connection.execute(select(message)).all())
    return {row.id: row for row in rows}


def test_a_sent_mail_goes_again_as_a_new_one_with_all_but_its_name_and_date(scene: Scene) -> None:
    ids = scene.mail(
        to=[ANN, BOB], text="Grüße", key="a", tags={"order": 7, "lines": [1]}, stream="bulk", on_doubt="hold"
    )
    scene.change(ids, **in_state("sent"), reply="250 Ok")
    before = scene.rows()
    first, second = renewed(scene, key="a", who="ann", note="she lost it")
    new = first.new_message_id
    assert new is not None
    assert [(change.delivery_id, change.before, change.after, change.done) for change in (first, second)] == [
        (id_, Status.SENT, Status.SENT, True) for id_ in ids
    ]
    assert second.new_message_id == new
    assert first.says == f"it is sent again as message {new}"
    rows = scene.rows()
    assert before == rows[:2]
    assert [(row.message_id, row.recipient, row.status, row.stream, row.fence) for row in rows[2:]] == [
        (new, address, "pending", "bulk", 0) for address in (ANN, BOB)
    ]
    was, is_ = (messages(scene)[id_] for id_ in (first.message_id, new))
    assert [getattr(was, name) for name in KEPT] == [getattr(is_, name) for name in KEPT]
    assert (is_.idempotency_key, is_.message_id) == (None, f"<{new.hex}@example.org>")
    assert sorted(_RENEWED.sub(b"", was.mime).splitlines()) == sorted(
        _RENEWED.sub(b"", is_.mime).splitlines()
    )
    assert is_.mime.count(f"Message-ID: <{new.hex}@example.org>\r\n".encode()) == 1
    assert (is_.mime.count(b"Date: "), is_.size) == (1, len(is_.mime))
    tags = select(tag.c.value).where(tag.c.message_id == new)
    assert scene.database.read(lambda connection: connection.execute(tags).scalars().all()) == ["7"]
    assert [(note.delivery_id, note.verdict, note.who, note.detail) for note in scene.attempts()] == [
        (id_, "retry_as_new", "ann", f"sent again as message {new}: she lost it") for id_ in ids
    ]


def test_the_deliveries_of_a_mail_stay_together_however_many_are_done_at_a_time(scene: Scene) -> None:
    (a, b), (c,), (d, e, f) = (scene.mail(to=to) for to in ([ANN, BOB], [ANN], [ANN, BOB, "cid@example.org"]))
    mixed = [a, c, d, b, e, f]

    def parts(most: int) -> list[list[int]]:
        return scene.database.read(
            lambda connection: [sorted(part) for part in whole_mails(connection, mixed, most)]
        )

    assert parts(1) == [[a, b], [c], [d, e, f]]
    assert parts(3) == [[a, b, c], [d, e, f]]
    assert parts(9) == [[a, b, c, d, e, f]]
    assert scene.database.read(lambda connection: [*whole_mails(connection, [], 9)]) == []


@pytest.mark.parametrize("status", Status)
def test_only_what_has_ended_goes_again_as_a_new_mail(scene: Scene, status: Status) -> None:
    (id_,) = scene.mail()
    scene.change(id_, **in_state(status))
    (before,) = scene.rows()
    (change,) = renewed(scene, before.message_id)
    assert (change.before, change.after, change.done) == (status, status, status in FINAL)
    assert change.says == NOT_YET.get(status, f"it is sent again as message {change.new_message_id}")
    assert (before, 1 + (status in FINAL)) == (scene.row(id_), scene.count())
    assert len(scene.attempts()) == (status in FINAL)


def test_only_the_recipients_that_have_ended_or_were_named_get_it_again(scene: Scene) -> None:
    ids = scene.mail(to=[ANN, BOB, EVE], tags={"order": 7})
    scene.change(ids[:2], **in_state("failed"))
    renewed(scene, scene.row(ids[0]).message_id)
    assert [row.recipient for row in scene.rows()[3:]] == [ANN, BOB]
    renewed(scene, scene.row(ids[0]).message_id, recipient=BOB)
    assert [row.recipient for row in scene.rows()[5:]] == [BOB]


def test_all_mail_of_a_tag_that_has_ended_goes_again_one_new_mail_for_each(scene: Scene) -> None:
    ids = scene.mail(3, to=[ANN, BOB], tags={"order": 7})
    scene.change(ids[:4], **in_state("expired"))
    changes = renewed(scene, tag=("order", 7))
    assert [change.delivery_id for change in changes] == ids[:4]
    assert len({change.new_message_id for change in changes}) == 2
    assert scene.count(message) == 5


def test_of_a_tag_what_was_sent_or_goes_again_already_is_not_sent_again(scene: Scene) -> None:
    failed, _, sent = scene.mail(3, tags={"order": 7})
    for id_, status in ((failed, "failed"), (sent, "sent")):
        scene.change(id_, **in_state(status))
    (change,) = renewed(scene, tag=("order", 7))
    assert (change.delivery_id, renewed(scene, tag=("order", 7))) == (failed, [])
    # The new mail has the tag, too: where it fails it goes again, and the old one does not.
    new = scene.rows()[-1].id
    scene.change(new, **in_state("failed"))
    assert [change.delivery_id for change in renewed(scene, tag=("order", 7))] == [new]
    # By its id it is meant, whatever was done before; and so is what was tried again in between.
    assert [change.done for change in renewed(scene, scene.row(failed).message_id)] == [True]
    with scene.application.begin() as connection:
        outbox.retry(connection, scene.row(failed).message_id)
    scene.change(failed, **in_state("failed"))
    assert [change.delivery_id for change in renewed(scene, tag=("order", 7))] == [failed]


def test_two_who_send_a_tag_again_at_once_do_it_once(scene: Scene, rival: Scene) -> None:
    scene.change(scene.mail(20, tags={"order": 7}), **in_state("failed"))
    changes: list[Change] = []
    at_once(
        lambda: changes.extend(renewed(scene, tag=("order", 7))),
        lambda: changes.extend(renewed(rival, tag=("order", 7))),
    )
    assert (len(changes), scene.count()) == (20, 40)


def test_what_expired_goes_again_without_the_time_at_which_it_would_expire(scene: Scene) -> None:
    (id_,) = scene.mail(expires_at=None)
    scene.change(id_, **in_state("expired"), expires_at=scene.row(id_).due_at)
    renewed(scene, scene.row(id_).message_id)
    assert [row.expires_at for row in scene.rows()[1:]] == [None]
    assert len(scene.queue.claim(scene.start(), 9)) == 1


@pytest.mark.parametrize(("mime", "says"), [(None, ERASED), (b"", "it cannot be sent again: mime: is empty")])
def test_what_has_no_body_any_more_cannot_go_again_and_that_is_told(
    scene: Scene, mime: bytes | None, says: str
) -> None:
    (id_,) = scene.mail()
    scene.change(id_, **in_state("sent"))
    with scene.admin.begin() as connection:
        connection.execute(update(message).values(mime=mime))
    (change,) = renewed(scene, scene.row(id_).message_id)
    assert (change.done, change.new_message_id) == (False, None)
    assert change.says.startswith(says)
    assert (scene.count(), scene.attempts()) == (1, [])


def test_a_rollback_undoes_a_new_mail(scene: Scene) -> None:
    (id_,) = scene.mail()
    scene.change(id_, **in_state("sent"))
    with scene.admin.connect() as connection:
        (change,) = outbox.retry(connection, scene.row(id_).message_id, as_new=True)
        assert change.done
        connection.rollback()
    assert (scene.count(), scene.count(message), scene.attempts()) == (1, 1, [])
