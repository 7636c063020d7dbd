"""A connection to the database may break at any byte: what the broken transaction has done is found out.

Each test cuts the same transaction behind one byte after another, of either direction. `make commits`
takes every byte, `make test` a sample.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import create_engine, event, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from outbox.mail.status import Move, Settlement
from outbox.store.database import Database
from outbox.store.queue import Queue
from outbox.store.schema import message
from outbox.store.sessions import Totals
from outbox.worker.budget import Budget
from outbox.worker.holdings import SWEEP, Holdings
from outbox.worker.journaling import Journaling
from outbox.worker.lease import Lease
from outbox.worker.recorder import Recorder
from outbox.worker.supply import Claimed, Supply
from outbox.worker.tally import Tally
from outbox.worker.tray import Tray
from tests.contract.ends import PAUSE, settlement
from tests.contract.scene import Scene
from tests.faults.cut_line import SILENCE, Errand, Line
from tests.support.daemon import application
from tests.support.database_proxy import DatabaseProxy
from tests.support.postgres import PostgresServer
from tests.support.proxy_link import Cut, Way
from tests.support.waiting import wait_until
from tests.unit.worker.held import NoThreads, run

PATIENCE = 20.0
MAILS = 3
ENDS = (Move.DELIVER, Move.DEFER, Move.REFUSE, Move.DOUBT_RESEND, Move.RELEASE)
TO = ["ann@example.org", "bob@example.org"]


@pytest.fixture(params=["postgresql", "mysql"])
def line(request: pytest.FixtureRequest) -> Iterator[Line]:
    url: str = request.getfixturevalue(f"{request.param}_url")
    with application(url) as app, DatabaseProxy(url) as proxy:
        # Ids of one length: the same errand has always the same bytes.
        with app.engine.begin() as connection:
            connection.execute(text(_FIRST_ID[request.param]))
        line = Line(url, proxy)
        yield line
        line.close()


_FIRST_ID = {
    "postgresql": "ALTER SEQUENCE outbox_delivery_id_seq RESTART 1000001",
    "mysql": "ALTER TABLE outbox_delivery AUTO_INCREMENT = 1000001",
}

BOTH = pytest.mark.parametrize("way", list(Way), ids=lambda way: way.name.lower())


def _recording(line: Line) -> Errand:
    """Return the recording of one verdict for each move, by the daemon's recorder."""
    line.near.empty()
    me, claims = line.near.held(len(ENDS))
    batch = [
        settlement(claim, move, noted=move not in {Move.DELIVER, Move.RELEASE})
        for claim, move in zip(claims, ENDS, strict=True)
    ]
    tally = Tally()

    def record() -> None:
        run(_recorded(line.far, me, batch, tally))
        rows = [(row.status, row.attempts, row.doubts, row.session, row.fence) for row in line.near.rows()]
        assert rows == [(one.target, one.judged, one.doubt, None, 1) for one in batch]
        notes = [(note.delivery_id, note.verdict, note.late) for note in line.near.attempts()]
        assert sorted(notes) == [(one.delivery_id, one.move, False) for one in batch if one.noted]
        assert Totals(sent=1, failed=1, deferred=2) == tally.totals

    return record


async def _recorded(database: Database, me: UUID, batch: list[Settlement], tally: Tally) -> None:
    threads: Any = NoThreads()
    journal = Journaling(None, "mx")
    recorder = Recorder(Queue(database), threads, tally, journal, PAUSE, lambda _: None, lambda _: None)
    recording = asyncio.create_task(recorder.run())
    recorder.put(_lease(me), batch)
    await recorder.drained()
    recording.cancel()
    assert recorder.backlog == 0


def _lease(me: UUID) -> Lease:
    return Lease(valid_until=1e12, unbroken_since=0.0, id=me)


def _claiming(line: Line, swept: list[bool] | None = None) -> Errand:
    """Return the claim of some mails, by the daemon's supply; `swept` learns whether it needed a sweep."""
    line.near.empty()
    line.near.mail(MAILS)
    me = line.near.start()

    def claim() -> None:
        supply, holdings = _supply(line.far)
        needed = run(_claimed(supply, holdings, me))
        if swept is not None:
            swept.append(needed)
        held = {
            row.id: row.fence for row in line.near.rows() if row.status == "sending" and row.session == me
        }
        assert held == {id_: claim.fence for id_, claim in holdings._held.items()}
        assert len(held) == MAILS

    return claim


def _supply(database: Database) -> tuple[Supply, Holdings]:
    threads: Any = NoThreads()
    queue, tray = Queue(database), Tray(lambda: 1, lambda: None)
    holdings = Holdings(queue, threads)
    return Supply(queue, threads, holdings, Budget(), tray, lambda _: 50), holdings


async def _claimed(supply: Supply, holdings: Holdings, me: UUID) -> bool:
    """Claim until all is claimed; tell whether that took a sweep, which comes when nothing else helps."""
    lease = _lease(me)
    began = time.monotonic()
    while True:
        took = time.monotonic() - began
        assert took < PATIENCE, f"{len(holdings)} of {MAILS} are in hand"
        with suppress(SQLAlchemyError):
            await supply.claim(lease, 10, SWEEP if took > PATIENCE / 4 else 0.0)
        if len(holdings) == MAILS:
            return took > PATIENCE / 4


def _enqueueing(line: Line) -> Errand:
    """Return an application's transaction that is run again until it was committed."""
    line.near.empty()

    def enqueue() -> None:
        while True:
            with suppress(DBAPIError), line.application.begin() as connection:
                id_ = line.near.outbox.enqueue(
                    connection, to=TO, subject="Hello", text="Hello.", key="order-1"
                )
                connection.commit()
                break
        with line.near.application.connect() as connection:
            assert connection.execute(select(message.c.id)).scalars().all() == [id_]
        assert [row.recipient for row in line.near.rows()] == TO

    return enqueue


@BOTH
def test_fault_16_a_record_that_is_cut_at_any_byte_is_applied_once(line: Line, way: Way) -> None:
    line.cut_everywhere(way, lambda: _recording(line))


@BOTH
def test_fault_17_a_claim_that_is_cut_at_any_byte_leaves_nothing_that_nobody_knows_of(
    line: Line, way: Way
) -> None:
    swept: list[bool] = []
    line.cut_everywhere(way, lambda: _claiming(line, swept))
    # A server that has the whole COMMIT may end it after we have looked for what nobody knows of.
    assert swept.count(True) <= (way is Way.TO_SERVER)


@BOTH
def test_fault_18_a_transaction_that_is_cut_at_any_byte_and_run_again_leaves_one_mail(
    line: Line, way: Way
) -> None:
    line.cut_everywhere(way, lambda: _enqueueing(line))


@pytest.mark.parametrize("errand", [_recording, _claiming], ids=["record", "claim"])
def test_what_an_abandoned_transaction_has_locked_is_done_when_the_server_has_ended_it(
    line: Line, errand: Callable[[Line], Errand]
) -> None:
    ready = errand(line)

    def abandon(_: object) -> None:
        if not cuts:
            cuts.append(line.proxy.cut_after(Way.TO_SERVER, 0, abandons=True))

    cuts: list[Cut] = []
    event.listen(line.far.engine, "commit", abandon)
    ready()
    assert cuts[0].struck.is_set()


@contextmanager
def _slow_commits(server: PostgresServer) -> Iterator[Callable[[], None]]:
    """Let no COMMIT of this server end until the given function is called: it waits for a standby."""
    admin = create_engine(server.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)

    def wait_for(standby: str) -> None:
        with admin.connect() as connection:
            connection.execute(text(f"ALTER SYSTEM SET synchronous_standby_names = '{standby}'"))
            connection.execute(text("SELECT pg_reload_conf()"))
        wait_until(lambda: shown() == standby, "the server waits for another standby")

    def shown() -> object:
        with admin.connect() as connection:
            return connection.execute(text("SHOW synchronous_standby_names")).scalar()

    wait_for("away")
    yield lambda: wait_for("")
    admin.dispose()


def test_fault_17_a_claim_that_is_committed_long_after_it_was_given_up_is_found_by_the_sweep() -> None:
    with PostgresServer() as server, application(server.url):
        near, far = Scene(server.url), Database(server.url, SILENCE)
        near.mail(MAILS)
        me = near.start()
        supply, _ = _supply(far)

        async def work() -> None:
            with _slow_commits(server) as end:
                with pytest.raises(SQLAlchemyError):
                    await supply.claim(_lease(me), 10, SWEEP)
                # The first claim has its mails locked: there is nothing to give back, and nothing to take.
                assert await supply.claim(_lease(me), 10, SWEEP) == Claimed(0)
                end()
            wait_until(lambda: {row.status for row in near.rows()} == {"sending"}, "the server has committed")
            assert await supply.claim(_lease(me), 10, 1.5 * SWEEP) == Claimed(0)
            assert await supply.claim(_lease(me), 10, 2 * SWEEP) == Claimed(MAILS)

        run(work())
        assert [row.fence for row in near.rows()] == [2] * MAILS
        near.close()
        far.close()
