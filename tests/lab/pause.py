"""Pause a daemon past its lease, with mails at each stage; another takes them over; then it goes on."""

import signal
import time
from collections import Counter
from pathlib import Path
from random import Random

from sqlalchemy import Engine, text

from outbox.mail.status import Move, Status
from tests.lab.closing import is_drained
from tests.lab.pauses import CASES, UNWRITTEN, Case, Outcome
from tests.lab.places import fresh
from tests.lab.result import Result
from tests.lab.staged import StagedRelay
from tests.support.daemon import Application, RunningDaemon, application
from tests.support.database_proxy import DatabaseProxy
from tests.support.ledger import LedgerSink
from tests.support.waiting import wait_until

_END = text(
    "SELECT d.status, a.verdict FROM outbox_delivery d"
    " LEFT JOIN outbox_attempt a ON a.delivery_id = d.id AND a.late WHERE d.recipient = :recipient"
)


def drive(database: str, *, cycles: int, seed: int, folder: Path, lease_ttl: float = 3) -> Result:
    """Pause a daemon `cycles` times, with a mail for each case, and count those that end as they must."""
    random = Random(seed)
    broken: list[str] = []
    for _ in range(cycles):
        ends = pause(database, folder, lease_ttl=lease_ttl, longer=random.uniform(0, lease_ttl))
        broken += [f"{case}: {end}" for case, end in ends.items() if end != case.expected]

    def tally(fault: int) -> str:
        of_it = [case for case in CASES if case.fault == fault]
        wrong = sum(f"fault={fault}," in each for each in broken)
        return f"{cycles * len(of_it) - wrong} of {cycles * len(of_it)}"

    figures = (
        f"{cycles} daemons paused past a lease of {lease_ttl:g} s: no dot without a lease {tally(4)}, "
        f"late successes accepted {tally(5)}, late failures dropped and late doubts noted {tally(6)}"
    )
    return Result("pause", database, seed, figures, tuple(broken))


def pause(database: str, folder: Path, *, lease_ttl: float, longer: float = 0) -> dict[Case, Outcome]:
    """Pause one daemon until another has taken over, and `longer` (seconds); return how each case ended."""
    with (
        fresh(database, folder) as url,
        application(url) as app,
        StagedRelay({case.recipient: case.stage for case in CASES}) as relay,
        LedgerSink() as sink,
        DatabaseProxy(url) as proxy,
    ):
        _enqueue(app)
        connections = len(CASES)
        with RunningDaemon(
            proxy.url(), folder, port=relay.port, connections=connections, lease_ttl=lease_ttl
        ) as paused:
            _stop_at_the_stages(paused, relay, proxy)
            with RunningDaemon(url, folder, port=sink.port, lease_ttl=lease_ttl) as other:
                wait_until(lambda: is_drained(app), "the other daemon has taken over")
                assert other.terminate() == 0, other.log()
            end = time.monotonic() + longer
            wait_until(lambda: time.monotonic() >= end, "the pause is over")
            paused.send(signal.SIGCONT)
            wait_until(lambda: "was declared lost" in paused.log(), "it learns that it was declared lost")
            assert paused.terminate() == 0, paused.log()
        copies = Counter(entry.recipient for entry in sink.entries())
        return {
            case: _outcome(
                case, app.engine, dotted=relay.kept[case.recipient].dotted, copies=copies[case.recipient]
            )
            for case in CASES
        }


def _enqueue(app: Application) -> None:
    with app.engine.begin() as connection:
        for case in CASES:
            app.outbox.enqueue(
                connection, to=case.recipient, subject=case.name, text=case.body, on_doubt=case.on_doubt
            )


def _stop_at_the_stages(daemon: RunningDaemon, relay: StagedRelay, proxy: DatabaseProxy) -> None:
    """Pause `daemon` when each mail is where its case wants it; then let the relay answer."""
    relay.wait_all()
    proxy.cut(refuse=True)
    relay.free(UNWRITTEN.recipient)
    wait_until(lambda: "verdicts wait to be written" in daemon.log(), "it knows what it cannot write")
    daemon.send(signal.SIGSTOP)
    proxy.admit()
    relay.free()


def _outcome(case: Case, engine: Engine, *, dotted: bool, copies: int) -> Outcome:
    with engine.connect() as connection:
        status, late = connection.execute(_END, {"recipient": case.recipient}).one()
    return Outcome(Status(status), Move(late) if late else None, dotted, copies)
