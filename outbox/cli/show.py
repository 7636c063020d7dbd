"""`outbox show`: one message, and all that is known of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from outbox.cli.ending import CommandError
from outbox.cli.options import as_json, database_url
from outbox.cli.paper import print_fields, print_json, print_table
from outbox.errors import EX_USAGE, shown
from outbox.mail.status import FINAL
from outbox.settings import load
from outbox.settings.opening import opened
from outbox.store.search import Row, details, find

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection


@click.command()
@click.argument("message", metavar="ID")
@as_json
@database_url
def show(message: str, *, as_json: bool, **flags: Any) -> None:
    """Show one message: its recipients, the relay's words, and every attempt that went otherwise.

    ID is the message's id, its Message-ID or its idempotency key.
    """
    with opened(load(**flags)) as database:
        row = database.read(lambda connection: _details(connection, message))
    if row is None:
        raise CommandError(f"There is no message {shown(message)}. See: outbox list", EX_USAGE)
    if as_json:
        print_json(row)
        return
    _print_message(row)
    print_deliveries(row["deliveries"])
    _print_attempts(row["attempts"])


def _details(connection: Connection, name: str) -> Row | None:
    id_ = find(connection, name)
    return None if id_ is None else details(connection, id_)


def _print_message(row: Row) -> None:
    print_fields(
        {
            "id": row["id"],
            "status": row["status"],
            "created": row["created_at"],
            "from": row["sender"],
            "subject": row["subject"],
            "message-id": row["message_id"],
            "size": f"{row['size']} bytes",
            "key": row["idempotency_key"],
            "tags": None if row["tags"] is None else json.dumps(row["tags"], ensure_ascii=False),
            "on doubt": row["on_doubt"],
            "erased": row["erased_at"],
        }
    )


def print_deliveries(deliveries: Sequence[Row]) -> None:
    """Print where each recipient stands, with the relay's own words."""
    click.echo()
    print_table(
        ("recipient", "status", "when", "attempts", "queue id", "reason", "relay's reply"),
        [
            (
                row["recipient"],
                row["status"],
                row["finished_at"] if row["status"] in FINAL else _due(row),
                row["attempts"],
                row["queue_id"],
                row["reason"],
                _words(row),
            )
            for row in deliveries
        ],
    )


def _due(row: Row) -> str | None:
    return f"due {row['due_at']:%Y-%m-%d %H:%M:%S}Z" if row["status"] == "pending" else None


def _print_attempts(attempts: Sequence[Row]) -> None:
    if not attempts:
        return
    click.echo("\nWhat went otherwise than a clean first success:\n")
    print_table(
        ("at", "recipient", "verdict", "stage", "what was said"),
        [
            (
                row["at"],
                row["recipient"],
                f"{row['verdict']}{' (late)' if row['late'] else ''}",
                row["stage"],
                _said(row),
            )
            for row in attempts
        ],
    )


def _said(attempt: Row) -> str:
    """Return what was said in an attempt, or why nothing was, with the evidence of a doubt."""
    words = _words(attempt)
    parts = [words or attempt["detail"]]
    if attempt["bytes_written"] is not None:
        heard = "this answer after" if words else "no answer for"
        waited = round(attempt["waited"], 1)
        parts.append(f"{attempt['bytes_written']:,} bytes written, {heard} {waited:,g} s")
    return "; ".join(part for part in parts if part)


def _words(row: Row) -> str:
    """Return the relay's reply as it stood on the wire."""
    parts = (row["reply_code"], row["enhanced_code"], row["reply"])
    return " ".join(str(part) for part in parts if part)
