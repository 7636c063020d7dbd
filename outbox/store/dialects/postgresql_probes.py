"""What `outbox check` asks of PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from outbox.findings import Finding, fault, ok, warning
from outbox.store.dialects.probing import Probe, skip_locked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

_IN_RECOVERY = text("SELECT pg_is_in_recovery()")
_SETTING = text("SELECT current_setting(:name)")
_SEQUENCE = text("SELECT has_sequence_privilege('outbox_attempt_id_seq', 'USAGE')")


def probes(_largest: int) -> Sequence[Probe]:
    """Return the questions."""
    return (
        Probe("database, writing", _writing),
        Probe("database, isolation", _isolation),
        Probe("database, durability", _durability),
        Probe("database, locks", skip_locked),
        Probe("database, sequence", _sequence),
    )


def _setting(connection: Connection, name: str) -> str:
    return str(connection.execute(_SETTING, {"name": name}).scalar_one())


def _writing(connection: Connection) -> Iterable[Finding]:
    if connection.execute(_IN_RECOVERY).scalar_one():
        yield fault(
            "database, writing",
            "this server is a standby, which only reads",
            "Name the primary in OUTBOX_DATABASE_URL (target_session_attrs=read-write).",
        )
    elif _setting(connection, "transaction_read_only") == "on":
        yield fault(
            "database, writing",
            "transactions only read here (default_transaction_read_only)",
            "Say for the daemon's user: ALTER ROLE … SET default_transaction_read_only = off.",
        )
    else:
        yield ok("database, writing", "it takes writes")


def _isolation(connection: Connection) -> Iterable[Finding]:
    found = _setting(connection, "transaction_isolation")
    if found == "read committed":
        yield ok("database, isolation", found)
    else:
        yield warning(
            "database, isolation",
            f"{found}: daemons that meet at a row are refused, and try again",
            "Say for the daemon's user: ALTER ROLE … SET default_transaction_isolation = 'read committed'.",
        )


def _durability(connection: Connection) -> Iterable[Finding]:
    wrong = [name for name in ("fsync", "full_page_writes") if _setting(connection, name) == "off"]
    if _setting(connection, "synchronous_commit") == "off":
        wrong.append("synchronous_commit")
    if wrong:
        yield warning(
            "database, durability",
            f"{', '.join(wrong)} is off: a crash of the server loses committed mail, or sends some again",
            f"Set {wrong[0]} = on in postgresql.conf.",
        )
    else:
        yield ok("database, durability", "a commit outlives a crash of the server")


def _sequence(connection: Connection) -> Iterable[Finding]:
    if connection.execute(_SEQUENCE).scalar_one():
        yield ok("database, sequence", "attempts can be numbered")
    else:
        yield fault(
            "database, sequence",
            "this user may not use outbox_attempt_id_seq",
            "Run what `outbox db grants` prints, and make this user a member of outbox_daemon.",
        )
