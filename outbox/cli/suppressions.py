"""`outbox suppress`, `unsuppress` and `suppressions`: the addresses that get no mail."""

from __future__ import annotations

from dataclasses import asdict

import click

from outbox import control
from outbox.cli.ending import CommandError
from outbox.cli.operator import login, who
from outbox.cli.options import as_json, database_url
from outbox.cli.paper import print_json, print_table
from outbox.errors import EX_UNAVAILABLE, shown
from outbox.settings.named import database_url as url_of
from outbox.settings.opening import opened_at


@click.command()
@click.argument("address")
@click.option("--why", metavar="TEXT", required=True, help="Why: it is shown to whoever asks.")
@who
@database_url
def suppress(address: str, why: str, who: str | None, database_url: str | None) -> None:
    """Let ADDRESS get no mail any more, in whatever case it is written. What waits for it will fail."""
    by = who or login()
    with opened_at(url_of(database_url)) as database:
        is_new = database.write(lambda one: control.suppress(one, address, why, by))
    click.echo("It gets no mail any more." if is_new else "It got no mail already; the reason is changed.")


@click.command()
@click.argument("address")
@database_url
def unsuppress(address: str, database_url: str | None) -> None:
    """Let ADDRESS get mail again. What has failed stays so: outbox retry."""
    with opened_at(url_of(database_url)) as database:
        was_suppressed = database.write(lambda one: control.unsuppress(one, address))
    if not was_suppressed:
        raise CommandError(f"{shown(address)} is not suppressed. See: outbox suppressions", EX_UNAVAILABLE)
    click.echo("It gets mail again.")


@click.command()
@as_json
@database_url
def suppressions(database_url: str | None, *, as_json: bool) -> None:
    """List the addresses that get no mail, with who said so and why."""
    with opened_at(url_of(database_url)) as database:
        found = database.read(control.suppressions)
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
