"""What `outbox check` asks of MariaDB and MySQL."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text

from outbox.findings import Finding, fault, ok, warning
from outbox.store.dialects.probing import Probe, skip_locked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

# Some have other names on the other server, and asking for one by @@ would be an error there.
_VARIABLES = text("SHOW VARIABLES WHERE Variable_name IN :names").bindparams(
    bindparam("names", expanding=True)
)
_ENGINES = text(
    "SELECT table_name, engine FROM information_schema.tables WHERE table_schema = DATABASE()"
    " AND table_name LIKE 'outbox\\_%' AND table_type = 'BASE TABLE' AND engine <> 'InnoDB'"
)
_REST = 1_048_576
"""What a packet holds beside the message."""


def probes(largest: int) -> Sequence[Probe]:
    """Return the questions, for messages of at most `largest` bytes."""
    return (
        Probe("database, writing", _writing),
        Probe("database, isolation", _isolation),
        Probe("database, durability", _durability),
        Probe("database, engine", _engine),
        Probe("database, size", partial(_size, largest)),
        Probe("database, locks", skip_locked),
    )


def _variables(connection: Connection, *names: str) -> dict[str, str]:
    rows = connection.execute(_VARIABLES, {"names": names})
    return {str(name).lower(): str(value) for name, value in rows}


def _writing(connection: Connection) -> Iterable[Finding]:
    found = _variables(connection, "read_only")
    if found.get("read_only", "OFF").upper() in {"ON", "1"}:
        yield fault(
            "database, writing",
            "the server only reads (read_only), as a replica does",
            "Name the primary in OUTBOX_DATABASE_URL, or say there: SET GLOBAL read_only = 0.",
        )
    else:
        yield ok("database, writing", "it takes writes")


def _isolation(connection: Connection) -> Iterable[Finding]:
    found = _variables(connection, "tx_isolation", "transaction_isolation", "log_bin", "binlog_format")
    level = found.get("transaction_isolation") or found.get("tx_isolation", "")
    if found.get("log_bin") == "ON" and found.get("binlog_format") == "STATEMENT":
        yield fault(
            "database, isolation",
            "the binary log is of statements, with which the server refuses writes in READ COMMITTED",
            "Set binlog_format = MIXED, or ROW, in the server's configuration.",
        )
    elif level == "READ-COMMITTED":
        yield ok("database, isolation", "read committed, for the daemon's own connections")
    else:
        yield warning(
            "database, isolation",
            f"{level.lower()}, though the daemon asks for read committed: claims lock gaps, and inserts wait",
            "Look at what changes the isolation on the way (init_connect, a proxy).",
        )


def _durability(connection: Connection) -> Iterable[Finding]:
    found = _variables(connection, "innodb_flush_log_at_trx_commit", "sync_binlog", "log_bin")
    wanted = {"innodb_flush_log_at_trx_commit": "1"}
    if found.get("log_bin") == "ON":
        wanted["sync_binlog"] = "1"
    wrong = [name for name, value in wanted.items() if found.get(name) != value]
    if wrong:
        told = ", ".join(f"{name} is {found.get(name)}" for name in wrong)
        yield warning(
            "database, durability",
            f"{told}: a crash of the server loses mail that was committed, or sends it again",
            f"Set {' and '.join(f'{name} = 1' for name in wrong)} in the server's configuration.",
        )
    else:
        yield ok("database, durability", "a commit outlives a crash of the server")


def _engine(connection: Connection) -> Iterable[Finding]:
    foreign = [f"{name} ({engine})" for name, engine in connection.execute(_ENGINES)]
    if foreign:
        yield fault(
            "database, engine",
            f"not InnoDB, so without transactions: {', '.join(foreign)}",
            "Say ALTER TABLE … ENGINE = InnoDB for each.",
        )
    else:
        yield ok("database, engine", "InnoDB")


def _size(largest: int, connection: Connection) -> Iterable[Finding]:
    packet = int(_variables(connection, "max_allowed_packet")["max_allowed_packet"])
    if packet < largest + _REST:
        yield warning(
            "database, size",
            f"max_allowed_packet is {packet} bytes, and messages may have {largest} (max_size): what does "
            "not fit is refused when it is queued",
            f"Set max_allowed_packet to at least {largest + _REST} there, or lower OUTBOX_MAX_SIZE.",
        )
    else:
        yield ok("database, size", f"max_allowed_packet of {packet} bytes holds messages of {largest}")
