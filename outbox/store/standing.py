"""What holds for the whole database now: what is paused, and whose mail it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from outbox.store.schema import GateKind, gate, meta

if TYPE_CHECKING:
    from sqlalchemy import Connection

_PAUSED = select(gate.c.kind, gate.c.name).where(gate.c.paused_at.is_not(None))
_ENVIRONMENT = select(meta.c.environment)


@dataclass(frozen=True, slots=True)
class Standing:
    """Pauses of everything, of relays and of streams by name; and the environment that the database is of."""

    everything: bool = False
    relays: frozenset[str] = frozenset()
    streams: frozenset[str] = frozenset()
    environment: str | None = None


def name_environment(connection: Connection, name: str | None) -> None:
    """Say which environment the database is of; None: of none."""
    connection.execute(update(meta).where(meta.c.id == 1).values(environment=name))


def standing(connection: Connection) -> Standing:
    """Read what holds now."""
    paused = {(row.kind, row.name) for row in connection.execute(_PAUSED)}
    return Standing(
        any(kind == GateKind.ALL for kind, _ in paused),
        frozenset(name for kind, name in paused if kind == GateKind.RELAY),
        frozenset(name for kind, name in paused if kind == GateKind.STREAM),
        connection.execute(_ENVIRONMENT).scalar(),
    )
