"""Mail is spoken of by its id, its Message-ID, its key or a tag; and whoever names none or two is told."""

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session, scoped_session, sessionmaker

import outbox
from outbox import Change, InvalidEmailError, InvalidRequestError, Status, UnusableConnectionError
from outbox.mail.selection import Selection
from outbox.store.selection import selected
from tests.contract.scene import Scene, in_state

if TYPE_CHECKING:
    from sqlalchemy import Connection

ANN, BOB = "ann@example.org", "bob@example.org"


def held(scene: Scene, *messages: Any, **which: Any) -> list[tuple[int, bool]]:
    """Hold what is named, and return the deliveries that were found, with what was done."""
    with scene.application.begin() as connection:
        return [(change.delivery_id, change.done) for change in outbox.hold(connection, *messages, **which)]


def test_a_mail_is_found_by_id_by_message_id_and_by_key(scene: Scene) -> None:
    ids = scene.mail(to=[ANN, BOB], key="Order-7")
    scene.mail()
    id_ = scene.row(ids[0]).message_id
    names = [id_, str(id_), id_.hex, f"<{id_.hex}@example.org>", f"{id_.hex}@example.org"]
    assert [(id_, True) for id_ in ids] == held(scene, names[0])
    for name in names[1:]:
        assert [(id_, False) for id_ in ids] == held(scene, name)
    assert [(id_, False) for id_ in ids] == held(scene, key="Order-7")


@pytest.mark.parametrize(
    "which",
    [
        {"message": uuid4()},
        {"message": str(uuid4())},
        {"message": "<of.another@example.org>"},
        {"key": "order-7"},
        {"tag": ("a", 1)},
    ],
)
def test_of_mail_that_nobody_knows_nothing_is_changed(scene: Scene, which: dict[str, Any]) -> None:
    scene.mail(key="Order-7", tags={"a": 2})
    before = scene.rows()
    for verb in (outbox.cancel, outbox.hold, outbox.release, outbox.retry, outbox.mark_sent):
        with scene.application.begin() as connection:
            assert verb(connection, **which) == []
    assert before == scene.rows()


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        (42, 42),
        (42, "42"),
        ("x ", "x "),
        (True, True),
        (True, "true"),
        (1.5, 1.5),
        ("Grüße", "Grüße"),
    ],
)
def test_a_tag_s_value_is_meant_as_it_was_queued(scene: Scene, given: Any, asked: Any) -> None:
    (id_,) = scene.mail(tags={"order": given})
    scene.mail(tags={"order": "43", "other": given})
    assert held(scene, tag=("order", asked)) == [(id_, True)]


@pytest.mark.parametrize("value", ["x", "X ", "x ", 1])
def test_another_value_of_a_tag_is_another_tag(scene: Scene, value: Any) -> None:
    scene.mail(tags={"order": "X"})
    assert held(scene, tag=("order", value)) == []


def test_only_one_recipient_s_delivery_may_be_meant_however_it_is_written(scene: Scene) -> None:
    ids = scene.mail(to=[ANN, BOB], tags={"order": 7}, key="a")
    message = scene.row(ids[0]).message_id
    assert held(scene, message, recipient="Bob <BOB@Example.org>") == [(ids[1], True)]
    assert held(scene, key="a", recipient=BOB) == [(ids[1], False)]
    assert held(scene, tag=("order", 7), recipient=ANN) == [(ids[0], True)]
    assert held(scene, message, recipient="eve@example.org") == []


@pytest.mark.parametrize(
    ("verb", "passed_over"),
    [
        (outbox.cancel, {"sent", "failed", "expired", "cancelled"}),
        (outbox.hold, {"sent", "failed", "expired", "cancelled"}),
        (outbox.release, {"pending", "sent", "failed", "expired", "cancelled"}),
        (outbox.mark_sent, {*Status} - {"in_doubt"}),
        (outbox.retry, {"sent", "expired", "cancelled"}),
    ],
)
def test_of_a_tag_what_nothing_can_be_asked_of_is_passed_over(
    scene: Scene, verb: Any, passed_over: set[str]
) -> None:
    for status in Status:
        scene.change(scene.mail(tags={"order": 7}), **in_state(status))
    with scene.application.begin() as connection:
        found: list[Change] = verb(connection, tag=("order", 7))
    assert {*Status} - passed_over == {change.before for change in found}


def test_many_of_one_tag_are_found_a_page_at_a_time_and_changed_in_batches(scene: Scene) -> None:
    ids = scene.mail(2_003, tags={"campaign": "spring"})
    scene.mail()
    assert held(scene, tag=("campaign", "spring")) == [(id_, True) for id_ in ids]
    rows, notes = scene.rows(), scene.attempts()
    assert [row.status for row in rows] == ["held"] * 2_003 + ["pending"]
    assert [(note.delivery_id, note.verdict) for note in notes] == [(id_, "hold") for id_ in ids]


def test_what_is_being_sent_is_locked_last_since_its_daemon_waits_for_it(scene: Scene) -> None:
    ids = scene.mail(4, tags={"order": 7})
    for id_ in ids[::2]:
        scene.change(id_, **in_state("sending"))
    with scene.application.begin() as connection:
        found = selected(connection, Selection(tag=("order", "7")), frozenset(Status))
    assert [ids[1], ids[3], ids[0], ids[2]] == found
    assert [(id_, id_ not in ids[::2]) for id_ in ids] == held(scene, tag=("order", 7))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, r"^message: nothing says which mail is meant: None\. Give one of message, key and tag\.$"),
    ({"message": uuid4(), "key": "a"}, r"^message: is given beside key: "),
    ({"key": "a", "tag": ("a", 1)}, r"^key: is given beside tag: 'a'\. Give one of message, key and tag\.$"),
    ({"tag": "order"}, r"^tag: is no tag that mail is found by: 'order'\. Give a name of at most 64 "),
    ({"tag": ("order", None)}, r"^tag: is no tag"),
    ({"tag": ("order", "x" * 201)}, r"^tag: is no tag"),
    ({"tag": ("o" * 65, 1)}, r"^tag: is no tag"),
    ({"message": "receipt-42"}, r"^message: is neither an id nor a Message-ID: 'receipt-42'\. Give key=…"),
    ({"message": ""}, r"^message: is neither an id nor a Message-ID: ''\. Give key=…"),
    ({"key": "a", "who": ""}, r"^who: is not 1 to 128 characters long: ''\. "),
    ({"key": "a", "who": "x" * 129}, r"^who: is not 1 to 128 characters long: "),
    ({"key": "a", "note": "\0"}, r"^note: has a NUL character: "),
]


@pytest.mark.parametrize(("which", "told"), WRONG)
def test_what_names_no_mail_or_two_is_told_and_changes_nothing(
    scene: Scene, which: dict[str, Any], told: str
) -> None:
    scene.mail(key="a", tags={"order": 7})
    before = scene.rows()
    with scene.application.begin() as connection, pytest.raises(InvalidRequestError, match=told):
        outbox.cancel(connection, **which)
    assert before == scene.rows()


@pytest.mark.parametrize(
    ("which", "field"), [({"key": ""}, "key"), ({"key": "a", "recipient": "ann"}, "recipient")]
)
def test_what_no_mail_can_have_is_told(scene: Scene, which: dict[str, Any], field: str) -> None:
    with scene.application.begin() as connection, pytest.raises(InvalidEmailError, match=rf"^{field}: "):
        outbox.cancel(connection, **which)


def test_a_session_and_a_connection_carry_a_request(scene: Scene) -> None:
    first, second, third = (scene.row(id_).message_id for id_ in scene.mail(3))
    with Session(scene.application) as session, session.begin():
        assert [change.done for change in outbox.cancel(session, first)] == [True]
    scoped = scoped_session(sessionmaker(scene.application))
    assert [change.done for change in outbox.cancel(scoped, second)] == [True]
    scoped.commit()
    scoped.remove()
    with scene.application.connect() as connection:
        assert [change.done for change in outbox.cancel(connection, third)] == [True]
        connection.commit()
    assert [row.status for row in scene.rows()] == ["cancelled"] * 3


def test_what_carries_no_transaction_is_refused(scene: Scene) -> None:
    (id_,) = scene.mail()
    message = scene.row(id_).message_id
    with pytest.raises(
        UnusableConnectionError, match=r"An Engine has no transaction\. Give the connection of: with engine"
    ):
        outbox.cancel(scene.application, message)  # type: ignore[arg-type] # wrong on purpose
    automatic = scene.application.execution_options(isolation_level="AUTOCOMMIT")
    with (
        automatic.connect() as connection,
        pytest.raises(UnusableConnectionError, match="would stay even if"),
    ):
        outbox.cancel(connection, message)
    closed: Connection = scene.application.connect()
    closed.close()
    with pytest.raises(UnusableConnectionError, match="closed"):
        outbox.cancel(closed, message)
    assert scene.row(id_).status == "pending"
