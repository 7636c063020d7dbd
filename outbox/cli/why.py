"""`outbox why`: what each recipient of a message waits for, and by which relay it goes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from outbox.cli.ending import CommandError
from outbox.cli.options import as_json, database_url
from outbox.cli.outcome import in_commands
from outbox.cli.paper import print_json, print_paragraph, print_table
from outbox.errors import EX_USAGE, shown
from outbox.settings.named import database_url as url_of
from outbox.settings.opening import opened_at
from outbox.store.search import find
from outbox.store.waiting import reasons

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

    from outbox.mail.route import Routes
    from outbox.mail.waiting import Why

_NAMED = 3
"""Recipients that are named before the reason that they share; the table names all."""


@click.command()
@click.argument("message", metavar="ID")
@as_json
@database_url
def why(message: str, database_url: str | None, *, as_json: bool) -> None:
    """Tell what each recipient of a message waits for, by which relay it goes, and what can be done.

    ID is the message's id, its Message-ID or its idempotency key. The relays are those of the settings that
    are found here: call it with the daemon's.
    """
    with opened_at(url_of(database_url)) as database:
        found = database.read(lambda connection: _reasons(connection, message))
    if found is None:
        raise CommandError(f"There is no message {shown(message)}. See: outbox list", EX_USAGE)
    if as_json:
        for each in found:
            print_json(asdict(each))
        return
    print_table(
        ("recipient", "status", "waits for", "until", "relay"),
        [(each.recipient, each.status, each.waits_for, each.until, each.relay) for each in found],
    )
    _print_reasons(found)


def _print_reasons(found: Sequence[Why]) -> None:
    """Print each reason once: the many recipients of a mail mostly wait for the same."""
    of_each: dict[str, list[str]] = {}
    for each in found:
        of_each.setdefault(each.says, []).append(each.recipient)
    for says, recipients in of_each.items():
        whose = "" if len(of_each) == 1 else f"{_named(recipients)}: "
        click.echo()
        print_paragraph(f"{whose}{in_commands(says)}")


def _named(recipients: Sequence[str]) -> str:
    more = len(recipients) - _NAMED
    return ", ".join(recipients[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _reasons(connection: Connection, name: str) -> Sequence[Why] | None:
    id_ = find(connection, name)
    return None if id_ is None else reasons(connection, id_, _routed)


def _routed(down: Collection[str]) -> Routes:
    """Return the routes of the settings that are found here."""
    from outbox.settings.ways import known_routes  # noqa: PLC0415 - of what has ended nobody asks for them

    return known_routes(down)
