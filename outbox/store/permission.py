"""What holds for the whole database now: what is paused, whose mail it is, and what the relays let pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import Float, or_, select, type_coerce, update

from outbox.mail.rate import grown
from outbox.store.breakers import SHARED, Shared, shared_of
from outbox.store.clock import seconds_since
from outbox.store.history import unanswered
from outbox.store.schema import GateKind, gate, meta

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

_g = gate.c
_GATES = select(
    _g.kind,
    _g.name,
    _g.paused_at,
    _g.pace,
    type_coerce(seconds_since(_g.paced_at), Float).label("paced_ago"),
    *SHARED,
).where(or_(_g.paused_at.is_not(None), _g.open_until.is_not(None), _g.waits > 0, _g.pace.is_not(None)))
_META = select(meta.c.environment, meta.c.epoch, meta.c.restored_at)


@dataclass(frozen=True, slots=True)
class Permission:
    """Pauses of everything, of relays and of streams by name; the database's environment and epoch.

    `unanswered` are the hosts whose daemons have not looked into their journals for this epoch, `restored`
    says that a person must confirm that mail may go. `breakers` and `paces` (recipients a second) are those
    of relays, by name, as they were when this was read: two that differ in them only allow the same.
    """

    everything: bool = False
    relays: frozenset[str] = frozenset()
    streams: frozenset[str] = frozenset()
    environment: str | None = None
    epoch: int = 0
    unanswered: tuple[str, ...] = ()
    restored: bool = False
    breakers: Mapping[str, Shared] = field(default_factory=dict, compare=False)
    paces: Mapping[str, float] = field(default_factory=dict, compare=False)


def name_environment(connection: Connection, name: str | None) -> None:
    """Say which environment the database is of; None: of none."""
    connection.execute(update(meta).where(meta.c.id == 1).values(environment=name))


def permission(connection: Connection) -> Permission:
    """Read what holds now."""
    whole = connection.execute(_META).one()
    rows = connection.execute(_GATES).all()
    paused = {(row.kind, row.name) for row in rows if row.paused_at is not None}
    relays = [row for row in rows if row.kind == GateKind.RELAY]
    paces = {row.name: grown(row.pace, row.paced_ago) for row in relays}
    return Permission(
        any(kind == GateKind.ALL for kind, _ in paused),
        frozenset(name for kind, name in paused if kind == GateKind.RELAY),
        frozenset(name for kind, name in paused if kind == GateKind.STREAM),
        whole.environment,
        whole.epoch,
        unanswered(connection),
        whole.restored_at is not None,
        {row.name: shared_of(row) for row in relays},
        {name: pace for name, pace in paces.items() if pace is not None},
    )
