"""`outbox suppress` and `unsuppress`: let an address get no mail, or mail again."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from outbox import control
from outbox.cli.ending import CommandError
from outbox.cli.operator import login, who
from outbox.cli.options import as_json, database_url
from outbox.cli.paper import print_json
from outbox.errors import EX_UNAVAILABLE, shown
from outbox.mail.address import parse_address
from outbox.settings.named import database_url as url_of
from outbox.settings.opening import opened_at
from outbox.store.suppressions import suppressed

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from outbox.store.suppressions import Suppression


@click.command()
@click.argument("address")
@click.option("--why", metavar="TEXT", required=True, help="Why: it is shown to whoever asks.")
@who
@as_json
@database_url
def suppress(address: str, why: str, who: str | None, database_url: str | None, *, as_json: bool) -> None:
    """Let ADDRESS get no mail any more, in whatever case it is written. What waits for it will fail."""
    by = who or login()

    def work(one: Connection) -> tuple[bool, list[Suppression]]:
        return control.suppress(one, address, why, by), _found(one, address)

    with opened_at(url_of(database_url)) as database:
        is_new, now = database.write(work)
    told = "It gets no mail any more." if is_new else "It got no mail already; the reason is changed."
    _tell(told, now, as_json=as_json)


@click.command()
@click.argument("address")
@as_json
@database_url
def unsuppress(address: str, database_url: str | None, *, as_json: bool) -> None:
    """Let ADDRESS get mail again. What has failed stays so: outbox retry."""

    def work(one: Connection) -> tuple[list[Suppression], bool]:
        return _found(one, address), control.unsuppress(one, address)

    with opened_at(url_of(database_url)) as database:
        before, was_suppressed = database.write(work)
    if not was_suppressed:
        raise CommandError(f"{shown(address)} is not suppressed. See: outbox suppressions", EX_UNAVAILABLE)
    _tell("It gets mail again.", before, as_json=as_json)


def _found(connection: Connection, address: str) -> list[Suppression]:
    return [*suppressed(connection, [parse_address("address", address).email]).values()]


def _tell(told: str, changed: list[Suppression], *, as_json: bool) -> None:
    """Say what was done; programs get the line of the list that has come, or has gone."""
    click.echo(told, err=as_json)
    if as_json:
        for each in changed:
            print_json(asdict(each))
