"""`outbox forget`: an address is erased from all mail that has ended."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from outbox import control
from outbox.cli.asking import confirm
from outbox.cli.ending import CommandError
from outbox.cli.options import as_json, database_url, dry_run, yes
from outbox.cli.paper import print_json, print_table
from outbox.errors import EX_TEMPFAIL, counted
from outbox.mail.address import parse_address
from outbox.settings.named import database_url as url_of
from outbox.settings.opening import opened_at

if TYPE_CHECKING:
    from outbox.store.database import Database
    from outbox.store.erasure import Forgotten

_WHAT = {
    "outbox_message": ("messages", "sender, subject, body, tags, and a key that names the address"),
    "outbox_delivery": ("deliveries", "recipient, and what the relay answered"),
    "outbox_attempt": ("attempts", "what relays answered, and what we made of it"),
    "outbox_tag": ("tags", "the whole row"),
    "outbox_suppression": ("suppressions", "the whole row"),
}


@click.command()
@click.argument("address")
@click.option("--unsuppress", is_flag=True, help="Also forget that the address gets no mail.")
@dry_run
@yes
@as_json
@database_url
def forget(
    address: str, database_url: str | None, *, unsuppress: bool, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Erase ADDRESS from all mail to it and from it, in whatever case it is written there.

    What waits for it is cancelled. Rows stay, and say `forgotten`; subjects, bodies, tags and the relays'
    words go. A mail that has still to go to others, or is being sent, is left: the command then ends with 75,
    and is to be called again later. Mail that did not go to ADDRESS is not looked into, whoever stands in it.
    """
    email = parse_address("address", address).email
    with opened_at(url_of(database_url)) as database:
        database.check()
        if not (dry_run or yes):
            confirm(f"Erase {email} from all mail? Nothing brings it back.")
        found = _forget(database, email, unsuppress=unsuppress, undo=dry_run)
    if as_json:
        print_json(asdict(found) | {"left": [str(id_) for id_ in found.left]})
    else:
        _tell(found, dry_run=dry_run)
    if found.left:
        ids = ", ".join(map(str, found.left[:5])) + (", …" if found.left[5:] else "")
        raise CommandError(
            "Left as they are, since deliveries of theirs have not ended: "
            f"{counted(len(found.left), 'mail')}, {ids}. Call this again when they "
            "have; outbox why ID tells what each waits for.",
            EX_TEMPFAIL,
        )


def _tell(found: Forgotten, *, dry_run: bool) -> None:
    click.echo("Would be erased:" if dry_run else "Erased:")
    print_table(
        ("table", "rows", "what"),
        [(table, getattr(found, name), what) for table, (name, what) in _WHAT.items()],
    )
    if found.cancelled:
        click.echo(
            f"Deliveries that waited and {'would be' if dry_run else 'are'} cancelled: {found.cancelled}"
        )


def _forget(database: Database, email: str, *, unsuppress: bool, undo: bool) -> Forgotten:
    with database.engine.connect() as connection, connection.begin() as transaction:
        found = control.forget(connection, email, unsuppress=unsuppress, who="outbox forget")
        if undo:
            transaction.rollback()
        return found
