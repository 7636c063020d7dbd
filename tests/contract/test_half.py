"""An enqueue that fails in the middle leaves nothing, even for a caller who catches the error and commits."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from outbox import Email
from outbox.store.schema import message
from tests.contract.scene import Scene
from tests.support.waiting import wait_until


@pytest.mark.parametrize("key", [None, "k"])
def test_a_lock_timeout_at_the_deliveries_leaves_no_message_without_them(
    scene: Scene, key: str | None
) -> None:
    if scene.application.dialect.name != "mysql":
        # Elsewhere such an error ends the transaction, or cannot come between the two statements.
        assert scene.mail(key=key)
        return
    scene.mail()
    with scene.another() as other, other.application.connect() as holder, holder.begin():
        # At REPEATABLE READ this takes the gaps that the insert needs.
        holder.execute(text("SELECT * FROM outbox_delivery WHERE status = 'pending' FOR UPDATE"))
        with scene.application.begin() as connection:
            connection.execute(text("SET SESSION innodb_lock_wait_timeout = 1"))
            with pytest.raises(OperationalError, match="1205"):
                scene.outbox.enqueue(connection, to="b@example.org", text="Hi", key=key)
    scene.application.dispose()  # its connection has our short timeout
    assert scene.count(message) == 1
    with scene.application.begin() as connection:
        again = scene.outbox.enqueue(connection, to="b@example.org", text="Hi", key=key)
        wanted = text("SELECT count(*) FROM outbox_status WHERE id = :id").bindparams(id=again.hex)
        assert connection.execute(wanted).scalar() == 1


def test_the_savepoint_is_the_driver_s_own(scene: Scene) -> None:
    seen: list[str] = []
    event.listen(
        scene.application, "before_cursor_execute", lambda _c, _u, statement, *_: seen.append(statement)
    )
    with scene.application.connect() as connection:
        scene.outbox.enqueue_many(
            connection, [{"to": "b@example.org", "text": "Hi", "key": f"k{n}"} for n in (1, 2)]
        )
        connection.rollback()
    assert any(statement.startswith("SAVEPOINT") for statement in seen)
    assert scene.count(message) == 0


@pytest.mark.parametrize("shared_url", ["mysql"], indirect=True)
def test_fault_21_an_enqueue_that_loses_a_deadlock_says_so(scene: Scene, rival: Scene) -> None:
    mail = Email(to="b@example.org", text="Hi")
    a, b = (replace(mail, key=key) for key in "ab")
    with scene.application.connect() as heavy, rival.application.connect() as light:
        # Who has written less loses.
        scene.outbox.enqueue_many(heavy, [mail] * 50)
        scene.outbox.enqueue(heavy, a)
        rival.outbox.enqueue(light, b)
        waiting = threading.Thread(target=scene.outbox.enqueue, args=[heavy, b])
        waiting.start()
        wait_until(lambda: waits(scene), "the one waits for the other")
        with pytest.raises(OperationalError, match="1213"):
            rival.outbox.enqueue(light, a)
        light.rollback()
        waiting.join()
        heavy.commit()
    assert scene.count(message) == 52


def waits(scene: Scene) -> bool:
    # Not innodb_trx: it stays as it was while anybody asks for it more often than each tenth of a second.
    locked = text(
        "SELECT count(*) FROM information_schema.processlist "
        "WHERE command = 'Query' AND db = DATABASE() AND id <> CONNECTION_ID()"
    )
    return bool(scene.database.read(lambda connection: connection.execute(locked).scalar_one()))
