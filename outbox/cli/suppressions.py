"""`outbox suppressions`: the addresses that get no mail."""

from __future__ import annotations

from dataclasses import asdict

import click

from outbox.cli.options import as_json, database_url
from outbox.cli.paper import print_json, print_table
from outbox.settings.named import database_url as url_of
from outbox.settings.opening import opened_at
from outbox.store.suppressions import all_suppressed


@click.command()
@as_json
@database_url
def suppressions(database_url: str | None, *, as_json: bool) -> None:
    """List the addresses that get no mail, with who said so and why."""
    with opened_at(url_of(database_url)) as database:
        found = database.read(all_suppressed)
    if as_json:
        for each in found:
            print_json(asdict(each))
    elif found:
        print_table(
            ("address", "since", "by", "why"),
            [(each.address, each.since, each.who, each.why) for each in found],
        )
    else:
        click.echo("No address is suppressed.")
