"""Kill a primary whose replica lacks the last commits, promote that, and see that nothing goes twice."""

from contextlib import suppress
from pathlib import Path
from random import Random

from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from tests.lab.closing import reconciled, wait_drained
from tests.lab.fleet import fleet
from tests.lab.lapses import LEASE, Lapses, recorded_again
from tests.lab.result import Result
from tests.lab.shop import Shop
from tests.support.daemon import Application, application
from tests.support.database_proxy import DatabaseProxy
from tests.support.ledger import LedgerSink
from tests.support.postgres import PostgresServer
from tests.support.waiting import wait_until

_SLOWNESS = 0.03
"""Seconds that the relay takes for a mail, so that some are always under way."""

_KEPT = 50
"""Recipients that are sent between two failovers and not forgotten, at least."""

_MOST = 300
"""Recipients that are sent after the last commit which the replica has got, at most."""

_REPLACED = 4
"""In one of so many failovers a daemon has begun after that commit."""


def drive(database: str, *, cycles: int, seed: int, folder: Path, size: int = 2) -> Result:
    """Fail over `cycles` times from one server to the other, and back."""
    random = Random(seed)
    with PostgresServer() as first, PostgresServer() as second:
        primary, replica = first, second
        url = _url(primary, replica)
        with application(url) as app, LedgerSink(delay=_SLOWNESS) as sink:
            shop = Shop(app, Random(seed), lambda: len(sink.entries()) + len(lapses.gone))
            lapses = Lapses(app, shop, sink, url)
            codes: list[int] = []
            with fleet(url, folder, port=sink.port, size=size, lease_ttl=LEASE, journals=folder) as daemons:
                for _ in range(cycles):
                    with DatabaseProxy(primary.url) as wire, suppress(DBAPIError), shop:
                        replica.follow(wire.port)
                        _wait_sent_there(app, replica)
                        wire.cut(refuse=True)
                        lost = random.randint(1, _MOST)
                        app.wait_sent(app.counts()["sent"] + lost)
                        if random.randrange(_REPLACED) == 0:
                            codes.append(daemons.replace(daemons.any(random)))
                            app.wait_sent(app.counts()["sent"] + lost)
                        lapses.approach()
                        primary.kill()
                    replica.promote()
                    primary, replica = replica, primary
                    lapses.look()
                    if lapses.resume(daemons.pids) and not lapses.unknown:
                        lapses.broken.append("a person was asked, though the database knew all sessions")
                wait_drained(app)
                codes += daemons.terminate()
            account = reconciled(shop, sink, app.engine, folder, forgotten=lapses.forgotten)
    failures = [f"a daemon ended with code {code}" for code in codes if code]
    figures = (
        f"{cycles} failovers under {size} daemons, {lapses.asked} with a person asked, "
        f"{recorded_again(folder)} recorded again as sent, {len(lapses.gone)} gone with the last commits, "
        f"{account.figures}"
    )
    return Result("failover", database, seed, figures, (*account.broken, *lapses.broken, *failures))


def _url(*servers: PostgresServer) -> str:
    """Return the URL by which whoever works finds the one of these that is the primary."""
    hosts = "&".join(f"host=127.0.0.1:{server.port}" for server in servers)
    return f"postgresql+psycopg://postgres@/postgres?{hosts}&target_session_attrs=read-write"


def _wait_sent_there(app: Application, replica: PostgresServer) -> None:
    """Wait until the replica knows of some more that are sent than the primary does now."""
    enough = app.counts()["sent"] + _KEPT
    engine = create_engine(replica.url, poolclass=NullPool)
    count = text("SELECT count(*) FROM outbox_delivery WHERE status = 'sent'")

    def has_enough() -> bool:
        with engine.connect() as connection:
            return int(connection.execute(count).scalar_one()) >= enough

    wait_until(has_enough, "the replica follows", 60)
