"""`outbox send`: one mail from the shell, through the queue like any other."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from outbox.cli.ending import CommandError
from outbox.cli.instant import EXACT
from outbox.cli.options import database_url
from outbox.cli.reading import stdin, variables
from outbox.cli.show import print_deliveries
from outbox.errors import EX_TEMPFAIL, EX_UNAVAILABLE
from outbox.mail.status import FINAL, Status
from outbox.settings import load
from outbox.settings.make_outbox import outbox_of
from outbox.settings.opening import opened
from outbox.settings.sources import load_without_relays
from outbox.store.search import Row, deliveries

if TYPE_CHECKING:
    from uuid import UUID

    from outbox.settings import Settings
    from outbox.store.database import Database

_PAUSE = 0.1
_MOVING = frozenset({Status.PENDING.value, Status.SENDING.value})


@click.command()
@click.option("--to", multiple=True, metavar="ADDRESS", help="A recipient; can be repeated.")
@click.option("--cc", multiple=True, metavar="ADDRESS", help="As --to, named in Cc.")
@click.option("--bcc", multiple=True, metavar="ADDRESS", help="As --to, named nowhere.")
@click.option("--from", "sender", metavar="ADDRESS", help="By default OUTBOX_SENDER.")
@click.option("--subject", help="The subject.")
@click.option("--text", help="The text body; - reads it from standard input.")
@click.option("--html", help="The HTML body; - reads it from standard input.")
@click.option("--template", metavar="NAME", help="Make subject and bodies by this template.")
@click.option("--locale", metavar="TAG", help="The language of the template, such as fr-CA.")
@click.option(
    "--context", metavar="FILE", help="Its variables, JSON or TOML; - reads standard input as JSON."
)
@click.option(
    "--attach",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
    help="A file to attach; can be repeated.",
)
@click.option("--key", help="An idempotency key: the same mail under it is queued once.")
@click.option("--stream", help="The stream that it waits in; by default default.")
@click.option("--send-at", type=EXACT, help="Not before this instant.")
@click.option("--expires-at", type=EXACT, help="Not after this instant.")
@click.option("--straight", is_flag=True, help="Send it now, without the queue: to try a relay.")
@click.option("--wait", type=click.FloatRange(0), metavar="SECONDS", help="Wait for the end of its delivery.")
@database_url
def send(wait: float | None, database_url: str | None, *, straight: bool, **given: Any) -> None:
    """Put one mail into the queue, and print its id.

    With --wait the exit code tells the end: 0 sent, 69 failed, 75 not yet decided. With --straight it goes to
    the relay at once, as the daemon would send it, but no database knows of it; the relay's answers are
    printed, and the exit code is the same.
    """
    fields = _fields(**given)
    if straight:
        _refuse_what_queues(fields, wait, database_url)
        # Here: who queues loads nothing of the delivery.
        from outbox.cli.straight import send_straight  # noqa: PLC0415 - see above

        settings = load()
        _refuse_what_lacks(fields, settings)
        send_straight(settings, fields)
        return
    settings = load_without_relays(database_url=database_url)
    _refuse_what_lacks(fields, settings)
    with opened(settings) as database:
        with database.engine.begin() as connection:
            id_ = outbox_of(settings).enqueue(connection, **fields)
        click.echo(id_)
        if wait is not None:
            _report(_final(database, id_, wait), wait)


def _fields(
    text: str | None, html: str | None, context: str | None, attach: tuple[Path, ...], **rest: Any
) -> Any:
    """Return the fields of the email: those alone that were given."""
    if [text, html, context].count("-") > 1:
        raise click.UsageError("Standard input can be read once: give - to one of --text, --html, --context.")
    fields = {
        **rest,
        "text": stdin() if text == "-" else text,
        "html": stdin() if html == "-" else html,
        "context": None if context is None else variables(context),
        "attachments": attach,
    }
    return {name: value for name, value in fields.items() if value not in (None, (), [])}


def _refuse_what_queues(fields: Any, wait: float | None, database_url: str | None) -> None:
    given = {name: fields.get(name) for name in ("key", "send_at", "expires_at")}
    given |= {"wait": wait, "database_url": database_url}
    for name, value in given.items():
        if value is not None:
            raise click.UsageError(
                f"--{name.replace('_', '-')} is about the queue: give it without --straight."
            )


def _refuse_what_lacks(fields: Any, settings: Settings) -> None:
    """Name what no mail goes without, in the words of the command line."""
    if "sender" not in fields and settings.sender is None:
        raise click.UsageError("There is no sender. Give --from ADDRESS, or set OUTBOX_SENDER.")
    if not fields.keys() & {"to", "cc", "bcc"}:
        raise click.UsageError("There is no recipient. Give --to ADDRESS, or --cc or --bcc.")
    if not fields.keys() & {"text", "html", "template"}:
        raise click.UsageError('There is no body. Give --text, --html or --template; --text "" for none.')


def _final(database: Database, id_: UUID, seconds: float) -> list[Row]:
    """Return the deliveries once none moves by itself, or after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        rows = database.read(lambda connection: deliveries(connection, id_))
        left = deadline - time.monotonic()
        if left <= 0 or not any(row["status"] in _MOVING for row in rows):
            return rows
        time.sleep(min(_PAUSE, left))


def _report(rows: list[Row], seconds: float) -> None:
    print_deliveries(rows)
    found = {row["status"] for row in rows}
    if found == {Status.SENT.value}:
        return
    if found & _MOVING:
        raise CommandError(
            f"Not all is decided after {seconds:g} s. Is the daemon running? outbox run", EX_TEMPFAIL
        )
    if found <= FINAL:
        raise CommandError("Not every recipient was sent to.", EX_UNAVAILABLE)
    raise CommandError("A person must decide what becomes of it.", EX_TEMPFAIL)
