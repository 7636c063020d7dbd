"""`outbox list`: one line a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from outbox.cli.filters import criteria, filters
from outbox.cli.options import as_json, database_url
from outbox.cli.paper import print_json, print_table
from outbox.mail.criteria import Criteria
from outbox.settings.named import database_url as url_of
from outbox.settings.opening import opened_at
from outbox.store.pages import LOOKED_THROUGH, Page, page
from outbox.store.search import Row, summaries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection


@click.command("list")
@filters
@click.option(
    "--limit", type=click.IntRange(1, 1_000_000), default=20, show_default=True, help="How many at most."
)
@click.option("--after", type=click.UUID, metavar="ID", help="Only older ones than the message of this id.")
@as_json
@database_url
def list_messages(
    *, limit: int, after: UUID | None, as_json: bool, database_url: str | None, **which: Any
) -> None:
    """List messages, newest first, as the view outbox_status has them.

    A message stands where the least finished of its recipients does; --status and --recipient find it by any
    one of them, and both together by the same. Times are of the message's id, in UTC where no zone is given.
    Where no index helps, the newest messages are looked through, and what they end with is told.
    """
    wanted = criteria(**which)
    with opened_at(url_of(database_url)) as database:
        found, rows = database.read(lambda connection: _read(connection, wanted, after, limit))
    if as_json:
        for row in rows:
            print_json(row)
    elif rows:
        print_table(("created", "id", "status", "sent", "subject"), [_line(row) for row in rows])
    elif not found.is_cut:
        click.echo(_none(wanted))
    _tell_the_rest(found)


def _read(
    connection: Connection, wanted: Criteria, after: UUID | None, limit: int
) -> tuple[Page, Sequence[Row]]:
    found = page(connection, wanted, after=after, limit=limit)
    return found, summaries(connection, found.ids)


def _line(row: Row) -> tuple[object, ...]:
    sent = f"{row['sent']}/{row['recipients']}"
    return row["created_at"], row["id"], row["status"], sent, row["subject"]


def _none(wanted: Criteria) -> str:
    if wanted == Criteria(status=wanted.status):
        return "No messages." if wanted.status is None else f"No messages are {wanted.status}."
    return "No messages are like that."


def _tell_the_rest(found: Page) -> None:
    """Tell where the next page begins, apart from the list: programs read that."""
    if found.is_cut:
        click.echo(f"{LOOKED_THROUGH:,} messages were looked through, and there are older ones.", err=True)
    if found.after is not None:
        click.echo(f"Older ones: --after {found.after}", err=True)
