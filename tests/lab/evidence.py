"""What is kept of a breach, to look into it after the database is gone."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from sqlalchemy import Engine, select

from outbox.store.schema import attempt, delivery, message, session
from tests.lab.oracle import Account, Kill
from tests.support.ledger import Entry

_MOST = 50
"""Breaches that are looked into; where there are more, they have one cause."""


def keep(
    folder: Path, account: Account, ledger: Sequence[Entry], engine: Engine, kills: Sequence[Kill]
) -> None:
    """Write into `folder` all that is known of the mails that `account` names."""
    names = {line.partition("<")[2].partition(">")[0] for line in account.broken[:_MOST]}
    parts: dict[str, Sequence[object]] = {
        "breaches": account.broken,
        "ledger": [entry for entry in ledger if entry.message_id[1:-1] in names],
        "kills": [
            (kill.client, kill.session, key, fence, key in kill.announced)
            for kill in kills
            for key, fence in kill.held.items()
            if key[0][1:-1] in names
        ],
        **_rows(engine, [f"<{name}>" for name in names]),
    }
    (folder / "evidence.txt").write_text("\n\n".join(_listed(*part) for part in parts.items()))


def _rows(engine: Engine, message_ids: Sequence[str]) -> dict[str, Sequence[object]]:
    mails = select(message.c.id).where(message.c.message_id.in_(message_ids))
    deliveries = select(delivery.c.id).where(delivery.c.message_id.in_(mails))
    with engine.connect() as connection:
        return {
            "outbox_message": connection.execute(
                select(message.c.id, message.c.message_id, message.c.on_doubt).where(message.c.id.in_(mails))
            ).all(),
            "outbox_delivery": connection.execute(
                delivery.select().where(delivery.c.message_id.in_(mails))
            ).all(),
            "outbox_attempt": connection.execute(
                attempt.select().where(attempt.c.delivery_id.in_(deliveries)).order_by(attempt.c.id)
            ).all(),
            "outbox_session": connection.execute(session.select().order_by(session.c.started_at)).all(),
        }


def _listed(title: str, lines: Iterable[object]) -> str:
    return "\n".join([title, *(f"  {line}" for line in lines)])
