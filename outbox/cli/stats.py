"""`outbox stats`: how many deliveries ended, by day, stream, relay and status."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from outbox.cli.options import as_json, database_url
from outbox.cli.paper import print_json, print_table
from outbox.settings.opening import opened
from outbox.settings.sources import load_without_relays
from outbox.store.statistics import ended


@click.command()
@click.option(
    "--days",
    type=click.IntRange(1, 36525),
    default=7,
    show_default=True,
    help="How many days, today among them.",
)
@as_json
@database_url
def stats(days: int, *, as_json: bool, **flags: Any) -> None:
    """Count the deliveries that ended, by day (in UTC), stream, relay and status.

    Those that were deleted since are counted, too; one that is tried again counts where it ends at last.
    """
    with opened(load_without_relays(**flags)) as database:
        found = database.read(lambda connection: ended(connection, days))
    if as_json:
        for each in found:
            print_json(asdict(each) | {"relay": each.relay or None})
    elif found:
        print_table(
            ("day", "stream", "relay", "status", "deliveries"),
            [(each.day, each.stream, each.relay, each.status, each.deliveries) for each in found],
        )
    else:
        click.echo("Nothing has ended in that time.")
