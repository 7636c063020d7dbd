"""A transaction that lost a deadlock, or found the database locked, is run again in its place."""

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection, event, select, text, update
from sqlalchemy.exc import DBAPIError

from outbox.store.schema import delivery
from tests.contract.scene import Scene

SERVERS = pytest.mark.parametrize("shared_url", ["postgresql", "mysql"], indirect=True)
SQLITE = pytest.mark.parametrize("shared_url", ["sqlite"], indirect=True)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make SQLite say at once that it is busy."""
    monkeypatch.setattr("outbox.store.dialects.sqlite.BUSY_TIMEOUT", 0.0)


@SERVERS
def test_both_of_two_transactions_that_deadlock_are_written(scene: Scene, rival: Scene) -> None:
    first, second = scene.mail(2)
    crossed = threading.Barrier(2)
    runs: list[str] = []
    faults: list[BaseException] = []

    def work(name: str, order: list[int]) -> Callable[[Connection], None]:
        def run(connection: Connection) -> None:
            runs.append(name)
            for id_ in order:
                connection.execute(
                    update(delivery).where(delivery.c.id == id_).values(attempts=delivery.c.attempts + 1)
                )
                if runs.count(name) == 1 and id_ == order[0]:
                    crossed.wait(30)

        return run

    def write(one: Scene, name: str, order: list[int]) -> None:
        try:
            one.database.write(work(name, order))
        except BaseException as fault:  # noqa: BLE001 - shown by the assertion below
            faults.append(fault)

    threads = [
        threading.Thread(target=write, args=[scene, "a", [first, second]]),
        threading.Thread(target=write, args=[rival, "b", [second, first]]),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert [row.attempts for row in scene.rows()] == [2, 2]
    assert len(runs) > 2, "nobody lost: this was no deadlock"


@SERVERS
def test_a_lock_that_takes_too_long_is_tried_again(
    scene: Scene, rival: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    (id_,) = scene.mail()
    change = update(delivery).where(delivery.c.id == id_).values(attempts=delivery.c.attempts + 1)
    blocker = rival.application.connect()
    blocker.execute(change)
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        blocker.commit()

    monkeypatch.setattr("outbox.store.database.time", SimpleNamespace(sleep=wait, monotonic=time.monotonic))

    def work(connection: Connection) -> None:
        if connection.dialect.name == "mysql":
            connection.execute(text("SET innodb_lock_wait_timeout = 0"))
        else:
            # A snapshot older than the other's commit: the serialisation error that asks for another run.
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            connection.execute(text("SELECT count(*) FROM outbox_delivery"))
            if not waits:
                blocker.commit()
        connection.execute(change)

    scene.database.write(work)
    blocker.close()
    scene.database.engine.dispose()  # its connection has our short timeout
    assert len(waits) == 1
    assert scene.row(id_).attempts == 2


@pytest.mark.parametrize("shared_url", ["mysql"], indirect=True)
def test_fault_23_our_connections_read_what_is_committed_and_keep_no_gap(scene: Scene) -> None:
    assert scene.database.read(lambda connection: connection.get_isolation_level()) == "READ COMMITTED"
    assert scene.database.write(lambda connection: connection.get_isolation_level()) == "READ COMMITTED"


@pytest.mark.parametrize("shared_url", ["mysql"], indirect=True)
def test_fault_23_a_record_that_has_changed_since_it_was_read_is_tried_again_in_its_place(
    scene: Scene, rival: Scene
) -> None:
    (id_,) = scene.mail()
    changed = update(delivery).where(delivery.c.id == id_).values(attempts=delivery.c.attempts + 1)
    read: list[int] = []

    def work(connection: Connection) -> None:
        read.append(connection.execute(select(delivery.c.attempts)).scalar_one())
        if len(read) == 1:
            with rival.application.begin() as other:
                other.execute(changed)
        connection.execute(changed)

    # What MariaDB 11.8 does by default to who reads a snapshot: with that, ours meets the error 1020.
    with scene.another() as ours:
        event.listen(ours.database.engine, "connect", _take_snapshots)
        ours.database.write(work)
    assert read == [0, 1]
    assert scene.row(id_).attempts == 2


def _take_snapshots(driver: Any, _record: object) -> None:
    cursor = driver.cursor()
    cursor.execute("SET SESSION innodb_snapshot_isolation = ON")
    cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    cursor.close()


@SQLITE
@pytest.mark.usefixtures("impatient")
def test_a_busy_file_is_tried_again(scene: Scene, rival: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    blocker = rival.application.connect()
    blocker.begin()
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        blocker.rollback()

    monkeypatch.setattr("outbox.store.database.time", SimpleNamespace(sleep=wait, monotonic=time.monotonic))
    scene.start()
    blocker.close()
    assert len(waits) == 1


@SQLITE
@pytest.mark.usefixtures("impatient")
def test_a_file_that_stays_busy_is_an_error_after_five_tries(
    scene: Scene, rival: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(
        "outbox.store.database.time", SimpleNamespace(sleep=waits.append, monotonic=time.monotonic)
    )
    with rival.application.begin(), pytest.raises(DBAPIError, match="locked"):
        scene.start()
    assert len(waits) == 4
    assert all(0 < wait < 1 for wait in waits)


@SQLITE
def test_an_application_that_writes_makes_the_daemon_wait_not_fail(
    scene: Scene, rival: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = threading.Event()
    done: list[bool] = []

    def wait(seconds: float) -> None:
        waits.set()
        time.sleep(seconds)

    def write() -> None:
        scene.start()
        done.append(True)

    thread = threading.Thread(target=write)
    with rival.application.begin() as connection:
        rival.outbox.enqueue(connection, to="ann@example.org", text="Hello.")
        # From here on only the daemon asks for the lock.
        clock = SimpleNamespace(sleep=wait, monotonic=time.monotonic)
        monkeypatch.setattr("outbox.store.dialects.sqlite.time", clock)
        thread.start()
        assert waits.wait(30), "the daemon has asked for the lock, and was told to wait"
        assert not done
    thread.join()
    assert done == [True]


def test_an_error_that_another_run_would_meet_again_is_raised_at_once(scene: Scene) -> None:
    runs: list[int] = []

    def work(connection: Connection) -> None:
        runs.append(1)
        connection.execute(text("SELECT nonsense FROM outbox_delivery"))

    with pytest.raises(DBAPIError, match="nonsense"):
        scene.database.write(work)
    assert runs == [1]


def test_what_failed_half_way_is_not_written(scene: Scene) -> None:
    (id_,) = scene.mail()
    before = scene.rows()

    def work(connection: Connection) -> None:
        connection.execute(update(delivery).where(delivery.c.id == id_).values(attempts=9))
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        scene.database.write(work)
    assert before == scene.rows()


def test_a_look_holds_no_transaction_open(scene: Scene, rival: Scene) -> None:
    assert not scene.queue.has_due()
    rival.mail()
    assert scene.queue.has_due()


def test_a_daemon_can_work_with_this_database(scene: Scene) -> None:
    scene.database.check()
    assert "outbox_delivery" not in scene.database.shown
