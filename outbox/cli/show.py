"""`outbox show`: one message, and all that is known of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from operator import itemgetter
from typing import TYPE_CHECKING

import click
from sqlalchemy.exc import DBAPIError

from outbox.cli.ending import CommandError
from outbox.cli.options import as_json, database_url
from outbox.cli.paper import cell, print_fields, print_json, print_table
from outbox.cli.source import Source, read
from outbox.errors import EX_UNAVAILABLE, EX_USAGE, shown
from outbox.mail.status import FINAL
from outbox.settings.named import database_url as url_of
from outbox.settings.opening import opened_at
from outbox.store.search import Row, body, details, find

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from outbox.store.database import Database

_NEVER = datetime.min.replace(tzinfo=UTC)


@click.command()
@click.argument("message", metavar="ID")
@click.option("--raw", "--source", "raw", is_flag=True, help="Print the message's bytes as they are, alone.")
@as_json
@database_url
def show(message: str, database_url: str | None, *, raw: bool, as_json: bool) -> None:
    """Show one message: its headers and parts, its recipients, the relay's words, and all that was tried.

    ID is the message's id, its Message-ID or its idempotency key.
    """
    with opened_at(url_of(database_url)) as database:
        id_ = database.read(lambda connection: find(connection, message))
        if id_ is None:
            raise CommandError(f"There is no message {shown(message)}. See: outbox list", EX_USAGE)
        if raw:
            _print_raw(database.read(lambda connection: body(connection, id_)))
            return
        row = database.read(lambda connection: details(connection, id_))
        mime = _body(database, id_)
    source = read(mime) if isinstance(mime, bytes) else None
    if as_json:
        print_json(row | {"headers": None, "parts": None} | (asdict(source) if source else {}))
        return
    _print_message(row, "erased" if mime is None else mime if isinstance(mime, str) else None)
    if source is not None:
        _print_source(source)
    print_deliveries(row["deliveries"])
    _print_timeline(row)


def _body(database: Database, id_: UUID) -> bytes | str | None:
    """Return the bytes, None where they are erased, or what keeps us from them, such as our rights."""
    try:
        return database.read(lambda connection: body(connection, id_))
    except DBAPIError as error:
        return f"cannot be read: {' '.join(str(error.orig).split())}"


def _print_raw(mime: bytes | None) -> None:
    if mime is None:
        raise CommandError("Its body is erased; what is known of it: outbox show ID", EX_UNAVAILABLE)
    click.echo(mime, nl=False)


def _print_message(row: Row, body: str | None) -> None:
    print_fields(
        {
            "id": row["id"],
            "status": row["status"],
            "created": row["created_at"],
            "stream": row["stream"],
            "from": row["sender"],
            "subject": row["subject"],
            "message-id": row["message_id"],
            "size": f"{row['size']} bytes",
            "key": row["idempotency_key"],
            "tags": None if row["tags"] is None else json.dumps(row["tags"], ensure_ascii=False),
            "on doubt": row["on_doubt"],
            "trace": row["traceparent"],
            "body": body,
            "erased": row["erased_at"],
        }
    )


def _print_source(source: Source) -> None:
    click.echo("\nHeaders:\n")
    for name, value in source.headers:
        click.echo(f"  {cell(name)}: {cell(value)}")
    click.echo()
    print_table(
        ("part", "bytes", "name"), [(part.type, f"{part.size:,}", part.name) for part in source.parts]
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


def _print_timeline(row: Row) -> None:
    click.echo("\nWhat happened:\n")
    print_table(("at", "recipient", "what", "where", "what was said"), _timeline(row))


def _timeline(row: Row) -> list[tuple[object, ...]]:
    """Return what happened, in its order: a clean end is told by the delivery, all else by attempts."""
    attempts = row["attempts"]
    last = {each["delivery_id"]: each["at"] for each in attempts if not each["late"]}
    events = [
        *((each["at"], each["recipient"], _verdict(each), each["stage"], _said(each)) for each in attempts),
        *(
            _end(each)
            for each in row["deliveries"]
            if last.get(each["id"], _NEVER) < (each["finished_at"] or _NEVER)
        ),
    ]
    return [(row["created_at"], None, "enqueued", None, None), *sorted(events, key=itemgetter(0))]


def _end(delivery: Row) -> tuple[object, ...]:
    said = _words(delivery) or delivery["reason"]
    return delivery["finished_at"], delivery["recipient"], delivery["status"], delivery["relay"], said


def _verdict(attempt: Row) -> str:
    who = f" by {attempt['who']}" if attempt["who"] else ""
    return f"{attempt['verdict']}{who}{' (late)' if attempt['late'] else ''}"


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
