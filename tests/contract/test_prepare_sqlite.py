"""On SQLite an application and a daemon share one file: prepared it never fails, else the error helps."""

import sqlite3
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.orm import Session

from outbox import DatabaseLockedError, prepare_sqlite
from outbox.errors import UnsupportedDatabaseError
from outbox.mail.status import Move
from outbox.store.dialects import sqlite
from tests.contract.ends import record, settlement
from tests.contract.scene import Scene

pytestmark = pytest.mark.parametrize("shared_url", ["sqlite"], indirect=True)
FIELDS: dict[str, Any] = {"to": "ann@example.org", "subject": "Hello", "text": "Hello."}


@pytest.fixture
def deferred(scene: Scene) -> Iterator[Engine]:
    """Give an engine whose transactions begin deferred: what they read first, they may not write after."""
    engine = create_engine(scene.url)

    @event.listens_for(engine, "connect")
    def leave_begin_to_us(dbapi_connection: Any, _record: object) -> None:
        dbapi_connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")

    yield engine
    engine.dispose()


@pytest.mark.parametrize("fields", [FIELDS, FIELDS | {"key": "a"}], ids=["plain", "keyed"])
def test_a_write_after_a_read_that_is_out_of_date_names_the_remedy(
    scene: Scene, deferred: Engine, fields: dict[str, Any]
) -> None:
    with deferred.connect() as connection:
        connection.execute(text("SELECT count(*) FROM outbox_message")).all()
        scene.mail()
        with pytest.raises(DatabaseLockedError, match=r"outbox\.prepare_sqlite\(engine\).*again"):
            scene.outbox.enqueue(connection, **fields)
        connection.rollback()
    assert scene.count() == 1


@pytest.mark.parametrize("batch", [[FIELDS], [FIELDS | {"key": "a"}, FIELDS]], ids=["plain", "keyed batch"])
def test_a_lock_that_is_held_too_long_names_the_remedy(scene: Scene, batch: list[Any]) -> None:
    hasty = create_engine(scene.url, connect_args={"timeout": 0})
    with scene.application.begin() as writing, hasty.connect() as connection:
        scene.outbox.enqueue(writing, **FIELDS)
        with pytest.raises(DatabaseLockedError, match="prepare_sqlite"):
            scene.outbox.enqueue_many(connection, batch)
    hasty.dispose()
    assert scene.count() == 1


@pytest.mark.parametrize("carrier", [Session, Engine.connect])
def test_so_it_is_where_the_enqueue_begins_the_transaction(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, carrier: Callable[[Engine], Any]
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0)
    with scene.application.begin(), carrier(scene.application) as other:
        with pytest.raises(DatabaseLockedError, match="run this transaction again"):
            scene.outbox.enqueue(other, **FIELDS)
        other.rollback()
    assert scene.count() == 0


@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_on_an_unprepared_engine_too_the_application_alone_decides(scene: Scene, ending: str) -> None:
    # The driver begins before an INSERT, but not before the savepoint of a batch with keys.
    plain = create_engine(scene.url)
    with plain.connect() as connection:
        scene.outbox.enqueue_many(connection, [FIELDS | {"key": "a"}, FIELDS | {"key": "b"}])  # type: ignore[list-item]
        assert scene.count() == 0
        getattr(connection, ending)()
    plain.dispose()
    assert scene.count() == (2 if ending == "commit" else 0)


def test_a_prepared_connection_holds_the_lock_from_its_first_read(scene: Scene) -> None:
    other = sqlite3.connect(scene.application.url.database or "", timeout=0)
    with scene.application.begin() as connection:
        connection.execute(text("SELECT count(*) FROM outbox_message")).all()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("DELETE FROM outbox_message")
        scene.outbox.enqueue(connection, **FIELDS)
    other.close()
    assert scene.count() == 1


def test_a_prepared_file_is_safe_against_a_power_cut_and_lets_readers_in(scene: Scene) -> None:
    with scene.application.begin() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2
        assert connection.execute(text("PRAGMA busy_timeout")).scalar_one() == 10_000
        scene.outbox.enqueue(connection, **FIELDS)
        assert scene.count() == 0  # read beside it, without waiting


def test_preparing_reaches_connections_that_were_open_before(scene: Scene) -> None:
    engine = create_engine(scene.url)
    engine.connect().close()
    prepare_sqlite(engine)
    with engine.begin() as connection:
        assert connection.execute(text("PRAGMA busy_timeout")).scalar_one() == 10_000
    engine.dispose()


def test_only_sqlite_can_be_prepared(scene: Scene) -> None:
    assert scene.is_sqlite
    engine = create_engine("postgresql+psycopg://postgres@127.0.0.1/nothing")
    with pytest.raises(UnsupportedDatabaseError, match="postgresql"):
        prepare_sqlite(engine)
    engine.dispose()


def drain_until(stop: threading.Event, daemon: Scene, faults: list[BaseException]) -> None:
    """Claim and record as a daemon under load does, one write transaction after the other."""
    me = daemon.start()
    try:
        while not stop.is_set():
            claims = daemon.queue.claim(me, 50)
            ends = [settlement(claim, Move.DELIVER, noted=False) for claim in claims]
            record(daemon.queue, me, ends)
    except BaseException as fault:  # noqa: BLE001 - the test shows it
        faults.append(fault)


def test_an_application_that_reads_and_then_enqueues_never_fails_during_a_drain(
    scene: Scene, rival: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    stop = threading.Event()
    faults: list[BaseException] = []
    scene.mail(2000)
    draining = threading.Thread(target=drain_until, args=[stop, rival, faults])
    draining.start()
    took = []
    for n in range(1000):
        began = time.perf_counter()
        with scene.application.begin() as connection:
            count = text("SELECT count(*) FROM outbox_message WHERE idempotency_key = 'nobody'")
            assert connection.execute(count).scalar_one() == 0
            scene.outbox.enqueue(connection, **FIELDS, tags={"n": n})
        took.append(time.perf_counter() - began)
    stop.set()
    draining.join()
    median, worst = statistics.median(took), statistics.quantiles(took, n=100)[-1]
    with capsys.disabled():
        figures = f"p50 {median * 1e3:.1f} ms, p99 {worst * 1e3:.1f} ms"
        print(f"\n1,000 reads and enqueues during a drain: {figures}")  # noqa: T201 - a figure to see
    assert faults == []
    assert scene.count() == 3000


def test_without_preparing_some_fail_and_each_failure_names_the_remedy(
    scene: Scene, rival: Scene, deferred: Engine
) -> None:
    stop = threading.Event()
    faults: list[BaseException] = []
    read, written = threading.Event(), threading.Event()

    def write() -> None:
        # Deterministic: between each read and its write somebody else commits.
        while not stop.is_set():
            if read.wait(0.05):
                read.clear()
                rival.mail()
                written.set()

    writing = threading.Thread(target=write)
    writing.start()
    for _ in range(50):
        try:
            with deferred.begin() as connection:
                connection.execute(text("SELECT count(*) FROM outbox_message")).all()
                read.set()
                assert written.wait(30)
                written.clear()
                scene.outbox.enqueue(connection, **FIELDS)
        except DatabaseLockedError as fault:
            faults.append(fault)
    stop.set()
    writing.join()
    assert len(faults) == 50
    assert scene.count() == 50
