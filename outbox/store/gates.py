"""What may pass to a relay now: what all daemons of a database have learnt of it, one row a relay.

A relay that was seen to choke is met more carefully by everybody, until a day has passed since the last
time: then it is tried again as if it were new. What keeps mail from it stands here, too, for people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, bindparam, case, select, update

from outbox.errors import shown
from outbox.store.clock import seconds_since, utc_now
from outbox.store.schema import GateKind, gate

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from outbox.store.database import Database

FORGOTTEN_AFTER = 86_400.0
"""Seconds after which what was learnt of a relay counts no more, by the database's clock."""

_LONGEST_NAME = 64
_LEVELS = ("off", "mail", None)  # the most careful first; None is as far as the settings allow

_g = gate.c
_IS_OURS = (_g.kind == GateKind.RELAY.value) & (_g.name == bindparam("relay", type_=_g.name.type))
_READ = select(_g.pipelining, _g.data_apart, _g.recipients, seconds_since(_g.learnt_at).label("age")).where(
    _IS_OURS
)
_LOCK = _READ.with_for_update()
_LEARN = (
    update(gate)
    .where(_IS_OURS)
    .values(
        pipelining=bindparam("level"),
        data_apart=bindparam("apart"),
        recipients=bindparam("most"),
        learnt_at=utc_now(),
    )
)
_WORDS = bindparam("words", type_=Text)
_REPORT = update(gate).where(_IS_OURS).values(fault=_WORDS, fault_at=case((_WORDS.is_not(None), utc_now())))


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a relay was seen to bear; each field is empty where nothing speaks against it.

    `pipelining` is the level that it was downgraded to, "mail" or "off". With `data_apart` DATA waits for the
    answers to the recipients. `recipients` is the most of one transaction that it was seen to take.
    """

    pipelining: str | None = None
    data_apart: bool = False
    recipients: int | None = None

    def and_also(self, other: Learnt) -> Learnt:
        """Return the more careful of both, field by field."""
        level = min(_LEVELS.index(self.pipelining), _LEVELS.index(other.pipelining))
        limits = [most for most in (self.recipients, other.recipients) if most is not None]
        return Learnt(_LEVELS[level], self.data_apart or other.data_apart, min(limits, default=None))


class Gates:
    """The gates of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._enter = database.dialect.insert_or_nothing(gate, _g.kind, _g.name)

    def learnt(self, relay: str) -> Learnt:
        """Return what is known of `relay`, empty when nobody has learnt anything for a day.

        Raises ValueError for a name of more than 64 characters.
        """
        name = _checked(relay)
        return self._database.read(
            lambda connection: _fresh(connection.execute(_READ, {"relay": name}).one_or_none())
        )

    def learn(self, relay: str, learnt: Learnt) -> None:
        """Add `learnt` to what is known of `relay`, and begin its day anew.

        Raises ValueError for a name of more than 64 characters.
        """
        name = _checked(relay)

        def work(connection: Connection) -> None:
            # There is nothing to lock before there is a row, and two daemons may both be the first.
            connection.execute(self._enter, {"kind": GateKind.RELAY.value, "name": name})
            # Who waited for the lock reads what the other has learnt.
            known = _fresh(connection.execute(_LOCK, {"relay": name}).one()).and_also(learnt)
            connection.execute(
                _LEARN,
                {
                    "relay": name,
                    "level": known.pipelining,
                    "apart": known.data_apart,
                    "most": known.recipients,
                },
            )

        self._database.write(work)

    def report(self, relay: str, fault: str | None) -> None:
        """Say what keeps mail from `relay` since now, or that nothing does.

        Raises ValueError for a name of more than 64 characters.
        """
        name = _checked(relay)

        def work(connection: Connection) -> None:
            connection.execute(self._enter, {"kind": GateKind.RELAY.value, "name": name})
            connection.execute(_REPORT, {"relay": name, "words": fault})

        self._database.write(work)


def _fresh(row: Any) -> Learnt:
    if row is None or row.age is None or row.age >= FORGOTTEN_AFTER:
        return Learnt()
    return Learnt(row.pipelining, row.data_apart, row.recipients)


def _checked(relay: str) -> str:
    if len(relay) > _LONGEST_NAME:
        raise ValueError(
            f"relay: the name {shown(relay)} has {len(relay)} characters. "
            f"Give the relay one of at most {_LONGEST_NAME}."
        )
    return relay
