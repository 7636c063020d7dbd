"""`outbox stats`: how many deliveries ended, by day, stream, relay and status."""

from __future__ import annotations

from dataclasses import asdict

import click

from outbox.cli.options import as_json, database_url
from outbox.cli.paper import print_json, print_table
from outbox.settings.named import database_url as url_of
from outbox.settings.opening import opened_at
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
def stats(days: int, database_url: str | None, *, as_json: bool) -> None:
    """Count the deliveries that ended, by day (in UTC), stream, relay and status.

    Those that were deleted since are counted, too; one that is tried again counts where it ends at last.
    """
    with opened_at(url_of(database_url)) as database:
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
