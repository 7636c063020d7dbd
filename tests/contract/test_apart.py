"""A mail that depends on no transaction of the application's gets a short one of its own."""

from typing import Any

import pytest
from sqlalchemy import Connection, event, select, text

from outbox import InvalidEmailError, KeyConflictError
from outbox.store.database import Database
from outbox.store.grants import Role
from outbox.store.schema import delivery, message, tag
from tests.contract.scene import Scene
from tests.support.users import as_role

FIELDS: dict[str, Any] = {"to": ["ann@example.org", "bob@example.org"], "subject": "Hello", "text": "Hello."}


@pytest.mark.parametrize("more", [{}, {"tags": {"order": 1}}, {"key": "a"}, {"sender": "other@example.org"}])
def test_the_mail_is_committed_when_the_call_returns(scene: Scene, more: dict[str, Any]) -> None:
    (id_,) = scene.outbox.enqueue_apart(scene.application, [FIELDS | more])  # type: ignore[list-item]
    ids = select(delivery.c.message_id)
    assert scene.database.read(lambda other: list(other.execute(ids).scalars())) == [id_, id_]
    assert scene.count(tag) == len(more.get("tags", {}))


@pytest.mark.parametrize("more", [{}, {"key": "a"}])
def test_an_engine_that_says_begin_by_itself_commits_too(scene: Scene, more: dict[str, Any]) -> None:
    ours = Database(as_role(scene.url, Role.CONTROL))
    try:
        scene.outbox.enqueue_apart(ours.engine, [FIELDS | more])  # type: ignore[list-item]
    finally:
        ours.close()
    assert (scene.count(message), scene.count(delivery)) == (1, 2)


def test_many_mails_are_one_transaction_and_none_is_none(scene: Scene) -> None:
    ids = scene.outbox.enqueue_apart(scene.application, [FIELDS, FIELDS | {"key": "a"}, FIELDS])  # type: ignore[list-item]
    assert (len(set(ids)), scene.count(message), scene.count(delivery)) == (3, 3, 6)
    assert scene.outbox.enqueue_apart(scene.application, []) == []
    with pytest.raises(KeyConflictError):
        scene.outbox.enqueue_apart(scene.application, [FIELDS, FIELDS | {"key": "a", "text": "Another."}])  # type: ignore[list-item]
    assert scene.count(message) == 3


def test_a_single_mail_on_postgresql_is_one_way_to_the_server_and_back(scene: Scene) -> None:
    if scene.admin.dialect.name != "postgresql":
        pytest.skip("elsewhere a mail is several statements")
    within: list[bool] = []

    def look(connection: Connection, *_: Any) -> None:
        driver: Any = connection.connection.driver_connection
        within.append(driver.info.transaction_status.name != "IDLE")

    event.listen(scene.application, "after_cursor_execute", look)
    try:
        scene.outbox.enqueue_apart(scene.application, [FIELDS])  # type: ignore[list-item]
        scene.outbox.enqueue_apart(scene.application, [FIELDS | {"key": "a"}])  # type: ignore[list-item]
    finally:
        event.remove(scene.application, "after_cursor_execute", look)
    assert within[0] is False
    assert len(within) > 2
    assert all(within[1:])


def test_what_the_database_refuses_leaves_nothing_and_the_connection_as_it_was(scene: Scene) -> None:
    wrong = FIELDS | {"subject": "No\nheader"}
    with pytest.raises(InvalidEmailError):
        scene.outbox.enqueue_apart(scene.application, [FIELDS, wrong])  # type: ignore[list-item]
    scene.outbox.enqueue_apart(scene.application, [FIELDS])  # type: ignore[list-item]
    with scene.application.connect() as connection:
        scene.outbox.enqueue(connection, **FIELDS)
        connection.rollback()
    assert scene.count(message) == 1


def test_in_a_transaction_that_a_test_has_begun_it_is_a_savepoint_of_that(scene: Scene) -> None:
    with scene.application.connect() as connection, connection.begin() as own:
        connection.execute(text("SELECT 1"))
        scene.outbox.enqueue_apart(connection, [FIELDS])  # type: ignore[list-item]
        own.rollback()
    assert scene.count(message) == 0
