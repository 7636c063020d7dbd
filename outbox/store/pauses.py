"""What people have stopped for a while: all mail, the mail of one stream, or what goes by one relay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Text, bindparam, null, select, update

from outbox.store.clock import utc_now
from outbox.store.dialects import dialect_of
from outbox.store.schema import GateKind, gate

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

ALL = "*"
"""The name of the gate before everything."""

_g = gate.c
_IS_IT = (_g.kind == bindparam("its_kind", type_=_g.kind.type)) & (
    _g.name == bindparam("its_name", type_=_g.name.type)
)
_PAUSE = (
    update(gate)
    .where(_IS_IT, _g.paused_at.is_(None))
    .values(
        paused_at=utc_now(),
        paused_by=bindparam("by", type_=_g.paused_by.type),
        paused_why=bindparam("why", type_=Text),
    )
)
_RESUME = (
    update(gate)
    .where(_IS_IT, _g.paused_at.is_not(None))
    .values(paused_at=null(), paused_by=null(), paused_why=null())
)
_PAUSED = (
    select(_g.kind, _g.name, _g.paused_at, _g.paused_by, _g.paused_why)
    .where(_g.paused_at.is_not(None))
    .order_by(_g.kind, _g.name)
)


@dataclass(frozen=True, slots=True)
class Pause:
    """What waits until somebody resumes it: one `stream`, one `relay`, or without either all mail.

    `since` is by the database's clock.
    """

    stream: str | None
    relay: str | None
    since: datetime
    who: str | None
    why: str | None


def pause(connection: Connection, kind: GateKind, name: str, *, who: str, why: str | None) -> bool:
    """Close this gate; tell whether it was open. Who closed it first stays written there."""
    enter = dialect_of(connection.dialect.name).insert_or_nothing(gate, _g.kind, _g.name)
    connection.execute(enter, {"kind": kind.value, "name": name})
    words = {"its_kind": kind.value, "its_name": name, "by": who, "why": why}
    return connection.execute(_PAUSE, words).rowcount > 0


def resume(connection: Connection, kind: GateKind, name: str) -> bool:
    """Open this gate; tell whether it was closed."""
    return connection.execute(_RESUME, {"its_kind": kind.value, "its_name": name}).rowcount > 0


def all_pauses(connection: Connection) -> list[Pause]:
    """Return what is paused: everything first, then relays and streams by name."""
    return [
        Pause(
            name if kind == GateKind.STREAM else None,
            name if kind == GateKind.RELAY else None,
            *since_who_why,
        )
        for kind, name, *since_who_why in connection.execute(_PAUSED)
    ]
