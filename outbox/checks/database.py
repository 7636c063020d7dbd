"""Whether the database is there, is ours, and lets the daemon do its work."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from outbox._version import __version__
from outbox.errors import EnvironmentMismatchError, OutboxError, SchemaError
from outbox.findings import Finding, fault, ok, outage, unchecked, warning
from outbox.intake import MAX_SIZE
from outbox.settings.opening import opened
from outbox.store.clock import utc_now
from outbox.store.grants import Role
from outbox.store.history import restored
from outbox.store.needed_rights import missing_rights
from outbox.store.permission import permission
from outbox.store.search import schema_version
from outbox.store.server import server_of
from outbox.store.sessions import present
from outbox.worker.permit import refuse_foreign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sqlalchemy import Connection

    from outbox.settings import Settings
    from outbox.store.database import Database

_SILENCE = 8.0
_SKEW = 5.0
"""Seconds between two clocks that people notice in headers and logs; lifetimes go by the database's."""


def database_findings(settings: Settings) -> Iterator[Finding]:
    """Look at the database of `settings`, first whether it is there at all."""
    try:
        with opened(settings, silence=_SILENCE) as database:
            yield ok("database", f"{database.read(server_of)} at {database.shown}")
            yield from _of(database, settings)
    except SchemaError as error:
        yield _by(error, "database")
    except OutboxError as error:
        says, _, remedy = str(error).rstrip(".").rpartition(". ")
        yield (fault if error.exit_code == SchemaError.exit_code else outage)("database", says, f"{remedy}.")


def _of(database: Database, settings: Settings) -> Iterator[Finding]:
    largest = settings.max_size or MAX_SIZE
    looks: list[tuple[str, Callable[[Connection], Iterable[Finding]]]] = [
        ("database, version", partial(_version, database)),
        ("database, clock", _clock),
    ]
    tables: list[tuple[str, Callable[[Connection], Iterable[Finding]]]] = [
        *database.dialect.probes(largest),
        ("database, rights", partial(_rights, database)),
        ("environment", partial(_environment, settings)),
        ("restore", _restore),
        ("daemons", _daemons),
    ]
    for subject, look in looks:
        yield from _asked(database, subject, look)
    has_tables = True
    try:
        yield from _asked(database, "database, tables", _tables)
    except SchemaError as error:
        has_tables = False
        yield _by(error, "database, tables")
    for subject, look in tables:
        if has_tables:
            yield from _asked(database, subject, look)
        else:
            yield unchecked(subject, "it needs the tables")


def _asked(
    database: Database, subject: str, look: Callable[[Connection], Iterable[Finding]]
) -> Iterator[Finding]:
    """Look by itself: what one question ends with keeps nobody from the next.

    Raises SchemaError.
    """
    try:
        yield from database.read(lambda connection: [*look(connection)])
    except SchemaError:
        raise
    except OutboxError as error:
        yield _by(error, subject)
    except DBAPIError as error:
        # The driver's own words only: a statement may hold mail.
        says = " ".join(str(error.orig).split()).rstrip(".")
        remedy = "Look at what the user may do, and at the server's log."
        yield (outage if error.connection_invalidated else fault)(subject, says, remedy)


def _by(error: OutboxError, subject: str) -> Finding:
    """Return what an error of ours says: its first sentence, and the rest, which says what to do."""
    says, _, remedy = str(error).partition(". ")
    return fault(subject, says.rstrip("."), remedy)


def _version(database: Database, connection: Connection) -> Iterator[Finding]:
    database.dialect.check_version(connection)
    yield ok("database, version", f"{server_of(connection)} is new enough")


def _tables(connection: Connection) -> Iterator[Finding]:
    from outbox.store.migration import check_schema  # noqa: PLC0415 - Alembic is heavy

    check_schema(connection)
    found = schema_version(connection)
    yield ok("database, tables", f"version {found}, as email-outbox {__version__} needs it")


def _clock(connection: Connection) -> Iterator[Finding]:
    before = time.time()
    theirs = connection.execute(select(utc_now())).scalar_one().timestamp()
    after = time.time()
    # The instant of theirs lies somewhere between ours.
    apart = max(before - theirs, theirs - after, 0.0)
    if apart > _SKEW:
        yield warning(
            "database, clock",
            f"it and this host's are {apart:.0f} seconds apart: headers and logs tell other times than rows",
            "Set both by NTP. Lifetimes are by the database's clock alone.",
        )
    else:
        yield ok("database, clock", f"within {_SKEW:g} seconds of this host's")


def _rights(database: Database, connection: Connection) -> Iterator[Finding]:
    rights = database.dialect.rights(Role.DAEMON)
    if not rights:
        return
    missing = missing_rights(connection, rights)
    if missing:
        yield fault(
            "database, rights",
            f"this user lacks what the daemon needs: {', '.join(missing)}",
            "Run what `outbox db grants` prints as the owner, and make this user one of outbox_daemon.",
        )
    else:
        yield ok("database, rights", "this user may do what the daemon needs")


def _environment(settings: Settings, connection: Connection) -> Iterator[Finding]:
    found = permission(connection).environment
    try:
        refuse_foreign(found, settings.environment)
    except EnvironmentMismatchError as error:
        yield _by(error, "environment")
    else:
        yield ok("environment", found or "none, here as there")


def _restore(connection: Connection) -> Iterator[Finding]:
    found = restored(connection)
    if found is None:
        yield ok("restore", "nothing waits for a person after one")
    else:
        yield fault(
            "restore",
            f"the database went back in time, as was found at {found.since:%Y-%m-%d %H:%M} UTC; no mail goes",
            "Read docs/guarantees.md, then: outbox db confirm-restore",
        )


def _daemons(connection: Connection) -> Iterator[Finding]:
    found = present(connection)
    working = [each for each in found if each.silent <= each.ttl]
    for each in found:
        told = f"process {each.pid} on {each.host}, email-outbox {each.version}"
        if each not in working:
            yield warning(
                "daemons", f"{told}, is silent for {each.silent:.0f} s", "Others take over what it held."
            )
        elif each.version != __version__:
            yield warning(
                "daemons", f"{told} works, and here is {__version__}", "Restart it after an upgrade."
            )
        else:
            yield ok("daemons", f"{told}, works")
    if not working:
        yield warning("daemons", "none works on this database: what is queued waits", "Start one: outbox run")
