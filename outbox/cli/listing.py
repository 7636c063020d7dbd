"""`outbox list`: one line a message."""

from __future__ import annotations

from typing import Any

import click

from outbox.cli.options import as_json, database_url
from outbox.cli.paper import print_json, print_table
from outbox.mail.status import Status
from outbox.settings import load
from outbox.settings.opening import opened
from outbox.store.search import summaries


@click.command("list")
@click.option(
    "--status", type=click.Choice([status.value for status in Status]), help="Only messages that stand so."
)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many at most.")
@as_json
@database_url
def list_messages(status: str | None, limit: int, *, as_json: bool, **flags: Any) -> None:
    """List messages, newest first, as the view outbox_status has them.

    A message stands where the least finished of its recipients does.
    """
    with opened(load(**flags)) as database:
        rows = database.read(lambda connection: summaries(connection, status=status, limit=limit))
    if as_json:
        for row in rows:
            print_json(row)
    elif rows:
        print_table(
            ("created", "id", "status", "sent", "subject"),
            [
                (
                    row["created_at"],
                    row["id"],
                    row["status"],
                    f"{row['sent']}/{row['recipients']}",
                    row["subject"],
                )
                for row in rows
            ],
        )
    else:
        click.echo("No messages." if status is None else f"No messages are {status}.")
