"""The schema refuses rows that no move could have made."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import DBAPIError

from outbox.mail.status import FINAL, Status
from outbox.store.clock import utc_now
from outbox.store.schema import delivery, message, session
from tests.contract.scene import Scene, delivery_row, in_state, message_row

WAITING = [status for status in Status if status not in FINAL]


def refuse(scene: Scene, values: dict[str, Any]) -> None:
    scene.add("pending")
    before = scene.rows()
    with pytest.raises(DBAPIError, match=r"(?i)constraint"), scene.admin.begin() as connection:
        connection.execute(update(delivery).values(values))
    assert before == scene.rows()


@pytest.mark.parametrize("status", Status)
def test_every_state_of_the_table_of_moves_is_allowed(scene: Scene, status: Status) -> None:
    scene.add(status)
    assert [status] == [row.status for row in scene.rows()]


@pytest.mark.parametrize("status", ["", "Pending", "PENDING", "pending ", " pending", "queued"])
def test_a_status_that_is_none_byte_by_byte_is_refused(scene: Scene, status: str) -> None:
    refuse(scene, {"status": status})


def test_sending_without_a_session_is_refused(scene: Scene) -> None:
    refuse(scene, {"status": "sending", "session": None})


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.SENDING])
def test_a_session_that_does_not_send_is_refused(scene: Scene, status: Status) -> None:
    refuse(scene, in_state(status) | {"session": uuid4()})


@pytest.mark.parametrize("status", sorted(FINAL))
def test_a_final_state_without_its_time_is_refused(scene: Scene, status: Status) -> None:
    refuse(scene, {"status": status, "finished_at": None})


@pytest.mark.parametrize("status", WAITING)
def test_a_time_of_finishing_what_is_not_finished_is_refused(scene: Scene, status: Status) -> None:
    refuse(scene, in_state(status) | {"finished_at": utc_now()})


def test_two_rows_for_one_recipient_number_are_refused(scene: Scene) -> None:
    id_ = scene.add("pending")
    with pytest.raises(DBAPIError, match=r"(?i)unique|duplicate"), scene.admin.begin() as connection:
        connection.execute(insert(delivery).values(delivery_row(id_, 0)))


@pytest.mark.parametrize("on_doubt", ["", "Resend", "resend ", "drop"])
def test_an_unknown_wish_in_doubt_is_refused(scene: Scene, on_doubt: str) -> None:
    with pytest.raises(DBAPIError, match=r"(?i)constraint"), scene.admin.begin() as connection:
        connection.execute(insert(message).values(message_row(uuid4()) | {"on_doubt": on_doubt}))


@pytest.mark.parametrize("state", ["", "Running", "lost ", "dead"])
def test_an_unknown_state_of_a_session_is_refused(scene: Scene, state: str) -> None:
    me = scene.start()
    with pytest.raises(DBAPIError, match=r"(?i)constraint"), scene.admin.begin() as connection:
        connection.execute(update(session).where(session.c.id == me).values(state=state))


@pytest.mark.parametrize("shared_url", ["postgresql", "mysql"], indirect=True)
def test_a_delivery_without_its_message_is_refused_where_the_database_checks(scene: Scene) -> None:
    with pytest.raises(DBAPIError, match=r"(?i)foreign key"), scene.admin.begin() as connection:
        connection.execute(insert(delivery).values(delivery_row(uuid4())))


def test_a_purged_id_is_never_given_out_again(scene: Scene) -> None:
    (before,) = scene.mail()
    scene.empty()
    (after,) = scene.mail()
    assert after > before
