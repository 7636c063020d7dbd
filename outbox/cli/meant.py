"""Which deliveries a request is about: those of mail that is named, or all that have something in common."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from outbox.cli.ending import CommandError
from outbox.errors import EX_USAGE, counted, shown
from outbox.mail.criteria import Criteria
from outbox.mail.status import Status
from outbox.store.matching import matching
from outbox.store.search import deliveries, find

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

    from outbox.mail.request import Request
    from outbox.store.database import Database


@dataclass(frozen=True, slots=True)
class Meant:
    """The ids of deliveries in the order in which they are to be locked, and how they were found.

    Where they are not named one is passed over if it is not in one of `only` any more when its turn comes.
    """

    ids: Sequence[int]
    counts: Counter[str]
    only: frozenset[Status] | None = None

    @property
    def is_named(self) -> bool:
        """Whether their mail was named."""
        return self.only is None

    @property
    def shown(self) -> str:
        """How many, and how they stand."""
        how = ", ".join(f"{count:,} {status}" for status, count in sorted(self.counts.items()))
        return f"{counted(len(self.ids), 'delivery')} ({how})" if self.ids else "no deliveries"


def by_names(database: Database, names: Sequence[str], beside: Criteria) -> Meant:
    """Return the deliveries of the mail of these names, of one recipient where that is given.

    Raises CommandError for names that nothing has, all at once, and UsageError for another criterion.
    """
    if beside != Criteria(recipients=beside.recipients):
        raise click.UsageError("Give names of mail, or options that find it; beside names --recipient alone.")
    return database.read(lambda connection: _of(connection, names, beside.recipients))


def _of(connection: Connection, names: Sequence[str], recipients: Collection[str] | None) -> Meant:
    found = {name: find(connection, name) for name in names}
    unknown = [name for name, id_ in found.items() if id_ is None]
    if unknown:
        raise CommandError(
            f"There is no message {', '.join(map(shown, unknown))}. Nothing was done. See: outbox list",
            EX_USAGE,
        )
    lower = recipients and {each.lower() for each in recipients}
    rows = [
        row
        for id_ in dict.fromkeys(found.values())
        if id_ is not None
        for row in deliveries(connection, id_)
        if lower is None or row["recipient"].lower() in lower
    ]
    if not rows:
        raise CommandError("No recipient of that mail has this address. See: outbox show ID", EX_USAGE)
    in_order = sorted(rows, key=lambda row: (row["status"] == Status.SENDING, row["id"]))
    return Meant([row["id"] for row in in_order], Counter(row["status"] for row in rows))


def by_what_it_has(
    database: Database, criteria: Criteria, takes: frozenset[Status], request: Request
) -> Meant:
    """Return all deliveries that have this, and are in a state of which the request `takes` them.

    Raises UsageError where nothing is said of them, or a state that it never takes.
    """
    if criteria == Criteria():
        raise click.UsageError(
            "Say which mail: an ID, or options such as --status, --stream, --tag or --since."
        )
    status = criteria.status
    if status is not None and status not in takes:
        may_be = ", ".join(sorted(takes))
        raise click.UsageError(
            f"--status {status}: {request.value.replace('_', '-')} takes of such mail what is {may_be}."
        )
    only = takes if status is None else frozenset({status})
    counts: Counter[str] = Counter()
    found: list[int] = []
    # What is being sent comes last: its daemon's records would wait for it.
    for one in sorted(only, key=lambda each: each is Status.SENDING):
        ids = database.read(lambda connection, one=one: matching(connection, criteria, one))  # type: ignore[misc] # mypy infers no lambda with a default
        counts.update({one.value: len(ids)} if ids else {})
        found += ids
    return Meant(found, counts, only)
