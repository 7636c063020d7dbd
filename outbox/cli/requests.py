"""`outbox retry`, `cancel`, `hold`, `release`, `mark-sent`: of mail by name, or by what it has."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from outbox import control
from outbox.cli.asking import confirm
from outbox.cli.bulk import Tally, in_batches
from outbox.cli.ending import CommandError
from outbox.cli.filters import criteria, filters
from outbox.cli.meant import Meant, by_names, by_what_it_has
from outbox.cli.operator import login, who
from outbox.cli.options import as_json, database_url, dry_run, yes
from outbox.cli.outcome import print_changes, print_tally
from outbox.cli.paper import print_json
from outbox.cli.progress import progress
from outbox.errors import EX_UNAVAILABLE
from outbox.mail.request import MEANT, MEANT_AS_NEW, Request
from outbox.mail.selection import checked_note, checked_who
from outbox.settings.named import database_url as url_of
from outbox.settings.opening import opened_at
from outbox.store.batches import BATCH, FEW, batches
from outbox.store.renewal import whole_mails
from outbox.store.requests import ask, foresee

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from outbox.mail.request import Change
    from outbox.store.database import Database

_SHOWN = 50
"""Deliveries of named mail that are told one by one."""

_TAKES = {
    Request.RETRY: "Try again, now and as if for the first time, what failed, is in doubt, or was put off.",
    Request.CANCEL: "Take mail back that was not sent yet.",
    Request.HOLD: "Keep mail that was not sent yet until somebody releases it.",
    Request.RELEASE: "Let go what is held or in doubt, as fresh mail.",
    Request.MARK_SENT: "Say of mail in doubt that the relay has it, as its log shows.",
}
_SELECT = """

    Name mail by ids, Message-IDs or idempotency keys; or find it by options, as outbox list does: then it
    asks before it begins, with the number. What cannot be done is told, and left as it is.
    Ctrl-C leaves what was done."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request with all that was said beside it."""

    request: Request
    as_new: bool
    who: str
    note: str | None
    meant: Meant

    def batches(self, database: Database) -> Iterable[Sequence[int]]:
        """Return what is done in a transaction each: fewer where bodies are copied, which takes longer."""
        ids = self.meant.ids
        if not self.as_new:
            return batches(ids, BATCH)
        return database.read(lambda connection: [*whole_mails(connection, ids, FEW)])

    def of(self, database: Database, ids: Sequence[int]) -> Sequence[Change]:
        """Ask it of these deliveries, in one transaction."""
        said: dict[str, Any] = {"who": self.who, "note": self.note, "only": self.meant.only}
        if self.as_new:
            return database.write(lambda connection: control.again(connection, ids, **said))
        return database.write(lambda connection: ask(connection, ids, self.request, **said))


def _command(request: Request) -> click.Command:
    def called(**given: Any) -> None:
        _run(request, **given)

    name = request.value.replace("_", "-")
    decorated: Callable[..., Any] = called
    for option in reversed(_options(request)):
        decorated = option(decorated)
    return click.command(name, help=_TAKES[request] + _SELECT)(decorated)


def _options(request: Request) -> list[Callable[..., Any]]:
    as_new = click.option(
        "--as-new", is_flag=True, help="What has ended goes again as a new mail, with an id of its own."
    )
    return [
        click.argument("names", nargs=-1, metavar="[ID]..."),
        filters,
        *([as_new] if request is Request.RETRY else []),
        dry_run,
        yes,
        click.option("--note", metavar="TEXT", help="What is kept with each mail, such as a reason."),
        who,
        as_json,
        database_url,
    ]


def _run(
    request: Request,
    *,
    names: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    note: str | None,
    who: str | None,
    as_json: bool,
    database_url: str | None,
    as_new: bool = False,
    **which: Any,
) -> None:
    wanted = criteria(**which)
    by, said = checked_who(who or login()), checked_note("note", note)
    statuses = MEANT_AS_NEW if as_new else MEANT[request]
    with opened_at(url_of(database_url)) as database:
        meant = (
            by_names(database, names, wanted)
            if names
            else by_what_it_has(database, wanted, statuses, request)
        )
        asked = _Asked(request, as_new, by, said, meant)
        if dry_run:
            _tell(database, asked, as_json=as_json)
        elif meant.ids:
            if not (yes or names):
                confirm(f"{_verb(asked)} {meant.shown}?")
            _do(database, asked, as_json=as_json)
        elif not as_json:
            click.echo("No deliveries are like that.")


def _verb(asked: _Asked) -> str:
    return asked.request.value.replace("_", " ").capitalize() + (" as new" if asked.as_new else "")


def _tell(database: Database, asked: _Asked, *, as_json: bool) -> None:
    """Tell what would come of it."""
    if asked.as_new:
        # What the new mail would be called nobody knows yet.
        click.echo(f"Would send again as new mail what can be: {asked.meant.shown}.", err=as_json)
        return
    tally = Tally(len(asked.meant.ids))
    for_all: list[Change] = []

    def foreseen(ids: Sequence[int]) -> Sequence[Change]:
        return database.read(lambda one: foresee(one, ids, asked.request, only=asked.meant.only))

    def keep(changes: Sequence[Change], _: Tally) -> None:
        for_all.extend(changes if asked.meant.is_named else ())
        if as_json:
            _print(changes)

    in_batches(asked.batches(database), foreseen, keep, tally)
    if not as_json:
        _report(asked, tally, for_all)
        click.echo("Nothing was changed: this was --dry-run.")


def _do(database: Database, asked: _Asked, *, as_json: bool) -> None:
    tally = Tally(len(asked.meant.ids))
    kept: list[Change] = []
    with ExitStack() as stack:
        # Whatever ends it early: what was committed is told.
        stack.callback(lambda: None if as_json else _report(asked, tally, kept))
        is_told = not (as_json or asked.meant.is_named)
        show = stack.enter_context(progress({"deliveries": tally.total})) if is_told else None

        def tell(changes: Sequence[Change], so_far: Tally) -> None:
            if asked.meant.is_named and not as_json:
                kept.extend(changes)
            if as_json:
                _print(changes)
            if show is not None:
                show({"deliveries": so_far.seen})

        in_batches(asked.batches(database), lambda ids: asked.of(database, ids), tell, tally)
    if tally.signal is not None and tally.seen < tally.total:
        rest = tally.total - tally.seen
        raise CommandError(
            f"Ended by a signal: {tally.seen:,} of {tally.total:,} were asked, {rest:,} are as they were.",
            128 + tally.signal,
        )
    if asked.meant.is_named and tally.done < tally.total:
        raise CommandError(f"{tally.done:,} of {tally.total:,} were done.", EX_UNAVAILABLE)


def _report(asked: _Asked, tally: Tally, changes: Sequence[Change]) -> None:
    if asked.meant.is_named and tally.total <= _SHOWN:
        print_changes(changes)
    elif tally.seen:
        print_tally(tally)


def _print(changes: Sequence[Change]) -> None:
    for change in changes:
        print_json(asdict(change))


retry, cancel, hold, release, mark_sent = map(_command, _TAKES)
