"""What holds for the whole database now: what is paused, and whose mail it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from outbox.store.history import unanswered
from outbox.store.schema import GateKind, gate, meta

if TYPE_CHECKING:
    from sqlalchemy import Connection

_PAUSED = select(gate.c.kind, gate.c.name).where(gate.c.paused_at.is_not(None))
_META = select(meta.c.environment, meta.c.epoch, meta.c.restored_at)


@dataclass(frozen=True, slots=True)
class Permission:
    """Pauses of everything, of relays and of streams by name; the database's environment and epoch.

    `unanswered` are the hosts whose daemons have not looked into their journals for this epoch, `restored`
    says that a person must confirm that mail may go.
    """

    everything: bool = False
    relays: frozenset[str] = frozenset()
    streams: frozenset[str] = frozenset()
    environment: str | None = None
    epoch: int = 0
    unanswered: tuple[str, ...] = ()
    restored: bool = False


def name_environment(connection: Connection, name: str | None) -> None:
    """Say which environment the database is of; None: of none."""
    connection.execute(update(meta).where(meta.c.id == 1).values(environment=name))


def permission(connection: Connection) -> Permission:
    """Read what holds now."""
    paused = {(row.kind, row.name) for row in connection.execute(_PAUSED)}
    whole = connection.execute(_META).one()
    return Permission(
        any(kind == GateKind.ALL for kind, _ in paused),
        frozenset(name for kind, name in paused if kind == GateKind.RELAY),
        frozenset(name for kind, name in paused if kind == GateKind.STREAM),
        whole.environment,
        whole.epoch,
        unanswered(connection),
        whole.restored_at is not None,
    )
