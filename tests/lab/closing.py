"""The end of each driver: the queue is drained, and the accounts are reconciled."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Engine, text

from outbox.mail.status import Status
from tests.lab.autopsy import rescued_from
from tests.lab.evidence import keep
from tests.lab.oracle import NOTHING, Account, Final, Forgotten, Key, Kill, reconcile
from tests.lab.shop import Shop
from tests.support.daemon import Application
from tests.support.ledger import LedgerSink
from tests.support.waiting import wait_until

_FINAL = text(
    "SELECT m.message_id, d.recipient, d.status, d.fence, d.reason FROM outbox_delivery d"
    " JOIN outbox_message m ON m.id = d.message_id"
)

_DOUBTS = text(
    "SELECT m.message_id, d.recipient, count(*) AS doubts FROM outbox_attempt a"
    " JOIN outbox_delivery d ON d.id = a.delivery_id JOIN outbox_message m ON m.id = d.message_id"
    " WHERE a.verdict LIKE 'doubt%' GROUP BY m.message_id, d.recipient"
)


def is_drained(app: Application) -> bool:
    """Tell whether nothing is on its way any more."""
    counts = app.counts()
    return not counts[Status.PENDING] + counts[Status.SENDING]


def wait_drained(app: Application, timeout: float = 120) -> None:
    """Wait for that; what still is on its way after `timeout` seconds the oracle calls lost."""
    with suppress(TimeoutError):
        wait_until(lambda: is_drained(app), "the queue is drained", timeout)


def reconciled(
    shop: Shop,
    sink: LedgerSink,
    engine: Engine,
    folder: Path,
    kills: Sequence[Kill] = (),
    forgotten: Forgotten = NOTHING,
    *,
    doubts_count: bool = False,
) -> Account:
    """Ask the oracle, when every daemon has stopped; what it finds broken is kept in `folder`.

    `doubts_count` where the relay was cut: what arrived without its answer may come again.
    """
    account = reconcile(
        shop.committed,
        shop.rolled_back,
        sink.entries(),
        _final_states(engine),
        kills,
        rescued_from({*(kill.session for kill in kills), *forgotten.sessions}, engine),
        forgotten.gone,
        _doubts(engine) if doubts_count else {},
    )
    if account.broken:
        keep(folder, account, sink.entries(), engine, kills)
    return account


def _doubts(engine: Engine) -> dict[Key, int]:
    with engine.connect() as connection:
        return {(row.message_id, row.recipient): row.doubts for row in connection.execute(_DOUBTS)}


def _final_states(engine: Engine) -> dict[Key, Final]:
    with engine.connect() as connection:
        return {
            (message_id, recipient): Final(Status(status), fence, reason)
            for message_id, recipient, status, fence, reason in connection.execute(_FINAL)
        }
