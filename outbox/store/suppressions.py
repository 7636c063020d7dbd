"""The addresses that get no mail: who asked for that, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, select, update

from outbox.store.batches import FEW
from outbox.store.dialects import dialect_of
from outbox.store.schema import suppression

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

_s = suppression.c
_ADDRESSES = bindparam("addresses", expanding=True, type_=_s.address.type)
_AMONG = select(_s.address, _s.why, _s.who, _s.created_at).where(_s.address.in_(_ADDRESSES))
_IS_IT = _s.address == bindparam("its_address", type_=_s.address.type)
_CHANGE = update(suppression).where(_IS_IT).values(why=bindparam("its_why"), who=bindparam("its_who"))
_REMOVE = delete(suppression).where(_IS_IT)
_ALL = select(_s.address, _s.why, _s.who, _s.created_at).order_by(_s.address)


@dataclass(frozen=True, slots=True)
class Suppression:
    """One address that gets no mail, in lower case; `since` is by the database's clock."""

    address: str
    why: str
    who: str | None
    since: datetime


def folded(address: str) -> str:
    """Return an address as the list has it: in lower case, since people write it either way."""
    return address.lower()


def suppressed(connection: Connection, addresses: Iterable[str]) -> dict[str, Suppression]:
    """Return which of these addresses are on the list, by the spelling that was asked for."""
    spellings: dict[str, list[str]] = {}
    for address in addresses:
        spellings.setdefault(folded(address), []).append(address)
    rows = connection.execute(_AMONG, {"addresses": list(spellings)}).all() if spellings else []
    return {
        spelling: Suppression(row.address, row.why, row.who, row.created_at)
        for row in rows
        for spelling in spellings[row.address]
    }


def suppressed_of_many(connection: Connection, addresses: Sequence[str]) -> dict[str, Suppression]:
    """Return the same of any number of addresses, a few at a time."""
    return {
        address: found
        for start in range(0, len(addresses), FEW)
        for address, found in suppressed(connection, addresses[start : start + FEW]).items()
    }


def suppress(connection: Connection, address: str, why: str, who: str | None) -> bool:
    """Put an address on the list, or change why it is there; tell whether it is new."""
    values = {"its_address": folded(address), "its_why": why, "its_who": who}
    if connection.execute(_CHANGE, values).rowcount:
        return False
    # Another may do the same at this moment: whoever comes last has said why.
    add = dialect_of(connection.dialect.name).insert_or_nothing(suppression, _s.address)
    connection.execute(add, {"address": folded(address), "why": why, "who": who})
    connection.execute(_CHANGE, values)
    return True


def unsuppress(connection: Connection, address: str) -> bool:
    """Take an address off the list; tell whether it was there."""
    return connection.execute(_REMOVE, {"its_address": folded(address)}).rowcount > 0


def all_suppressed(connection: Connection) -> list[Suppression]:
    """Return the whole list, by address."""
    return [Suppression(*row) for row in connection.execute(_ALL)]
