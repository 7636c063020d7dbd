"""`outbox purge`: what has ended long ago is deleted now, or its bodies alone."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from outbox.cli.asking import confirm
from outbox.cli.ending import CommandError
from outbox.cli.options import as_json, database_url, dry_run, yes
from outbox.cli.paper import print_json
from outbox.cli.progress import progress
from outbox.errors import EX_TEMPFAIL, counted
from outbox.mail.duration import FORM, parse_duration
from outbox.mail.status import FINAL
from outbox.settings.named import database_url as url_of
from outbox.settings.opening import opened_at
from outbox.store.retention import Gone, Retention, Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from outbox.store.retention import Page

_FINALS = sorted(FINAL)


def _seconds(_context: click.Context, _parameter: click.Parameter, given: str) -> float:
    try:
        return parse_duration(given)
    except ValueError as error:
        raise click.BadParameter(f"{given!r}: {error}. Give {FORM}.") from error


@click.command()
@click.option(
    "--older-than",
    "age",
    callback=_seconds,
    metavar="DURATION",
    required=True,
    help="How long ago it ended at least, such as 30d or 12h.",
)
@click.option(
    "--status",
    "statuses",
    type=click.Choice([status.value for status in _FINALS]),
    multiple=True,
    help="Only mail all of which ended so; can be repeated.",
)
@click.option("--stream", metavar="NAME", help="Only mail of this stream.")
@click.option("--bodies", is_flag=True, help="Erase the bodies only; the rows stay.")
@dry_run
@yes
@as_json
@database_url
def purge(
    age: float,
    statuses: tuple[str, ...],
    stream: str | None,
    database_url: str | None,
    *,
    bodies: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Delete mail all of whose deliveries have ended long ago, with its attempts and tags.

    What is deleted stays in the counts of `outbox stats`, and its idempotency keys are free again. The daemon
    does the same by itself, by keep_bodies and keep_finished.
    """
    terms = Terms(age, frozenset(each for each in _FINALS if each.value in statuses) or FINAL, stream)
    verb = "erase" if bodies else "delete"
    with opened_at(url_of(database_url)) as database:
        database.check()
        retention = Retention(database)
        found = _along(retention, terms, lambda page: retention.count(terms, page, bodies=bodies))
        if dry_run:
            _tell(found, f"Would {verb} {_told(found, bodies=bodies)}.", as_json=as_json)
            return
        if not found.messages:
            _tell(found, f"There is nothing to {verb}.", as_json=as_json)
            return
        if not yes:
            confirm(f"{verb.capitalize()} {_told(found, bodies=bodies)}?")
        work = retention.erase if bodies else retention.delete
        with nullcontext(_silent) if as_json else progress({"mails": found.messages}) as show:
            gone = _along(
                retention,
                terms,
                lambda page: work(terms, page),
                # More may have become old enough meanwhile.
                lambda gone: show({"mails": min(gone.messages, found.messages)}),
            )
    _tell(gone, f"OK: {verb}d {_told(gone, bodies=bodies)}.", as_json=as_json)
    if gone.busy:
        raise CommandError(
            f"Locked by somebody, and left as they are: {counted(gone.busy, 'mail')}. Call this again.",
            EX_TEMPFAIL,
        )


def _silent(_: Mapping[str, int]) -> None:
    """Show nothing: a program reads."""


def _tell(gone: Gone, says: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"mails": gone.messages, "deliveries": gone.deliveries})
    else:
        click.echo(says)


def _along(
    retention: Retention,
    terms: Terms,
    work: Callable[[Page], Gone],
    tell: Callable[[Gone], None] = lambda _: None,
) -> Gone:
    gone, walk = Gone(), retention.walk(terms)
    while page := walk.page():
        gone = gone.plus(work(page))
        tell(gone)
    return gone


def _told(gone: Gone, *, bodies: bool) -> str:
    mails = counted(gone.messages, "mail")
    if bodies:
        return f"the {'body' if gone.messages == 1 else 'bodies'} of {mails}"
    return f"{mails} with {counted(gone.deliveries, 'delivery')}"
