"""`outbox pause` and `outbox resume`: let no more mail go for a while, and see what is kept so."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from outbox import control
from outbox.cli.ending import CommandError
from outbox.cli.operator import login, who
from outbox.cli.options import as_json, database_url
from outbox.cli.paper import print_json, print_table
from outbox.errors import EX_UNAVAILABLE
from outbox.settings.named import database_url as url_of
from outbox.settings.opening import opened_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.store.database import Database
    from outbox.store.pauses import Pause

_ONE = "Give one of --stream, --relay and --all."


def _gate(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that name a gate."""
    for option in (
        click.option("--all", "everything", is_flag=True, help="All mail."),
        click.option("--relay", metavar="NAME", help="What goes by this relay."),
        click.option("--stream", metavar="NAME", help="The mail of this stream."),
    ):
        command = option(command)
    return command


@click.command()
@_gate
@click.option("--why", metavar="TEXT", help="Why: it is shown to whoever asks what mail waits for.")
@who
@as_json
@database_url
def pause(
    stream: str | None,
    relay: str | None,
    why: str | None,
    who: str | None,
    database_url: str | None,
    *,
    everything: bool,
    as_json: bool,
) -> None:
    """Send no more mail of a stream, by a relay, or at all, until it is resumed.

    Without any of these it shows what is paused. What is being sent goes on.
    """
    meant = [name for name in (stream, relay, everything or None) if name is not None]
    with opened_at(url_of(database_url)) as database:
        if not meant and why is None:
            _show(database, as_json=as_json)
            return
        if len(meant) != 1:
            raise click.UsageError(_ONE)
        by = who or login()
        is_new = database.write(lambda one: control.pause(one, stream=stream, relay=relay, why=why, who=by))
        what = _called(stream, relay)
        click.echo(
            f"Paused {what}." if is_new else f"{what[0].upper()}{what[1:]} was paused already.", err=as_json
        )
        _show(database, as_json=as_json)


@click.command()
@_gate
@as_json
@database_url
def resume(
    stream: str | None, relay: str | None, database_url: str | None, *, everything: bool, as_json: bool
) -> None:
    """Let mail go again that is paused; see outbox pause for what is. --json prints what still is."""
    if sum((stream is not None, relay is not None, everything)) != 1:
        raise click.UsageError(f"{_ONE} See what is paused: outbox pause")
    with opened_at(url_of(database_url)) as database:
        was_paused = database.write(lambda one: control.resume(one, stream=stream, relay=relay))
        if not was_paused:
            paused = database.read(control.pauses)
            also = (
                f" Paused: {', '.join(_called(each.stream, each.relay) for each in paused)}."
                if paused
                else ""
            )
            raise CommandError(
                f"Nothing to resume: {_called(stream, relay)} was not paused.{also}", EX_UNAVAILABLE
            )
        click.echo(f"Resumed {_called(stream, relay)}.", err=as_json)
        if as_json:
            _show(database, as_json=True)


def _called(stream: str | None, relay: str | None) -> str:
    if stream is not None:
        return f"the stream {stream!r}"
    return "all mail" if relay is None else f"the relay {relay!r}"


def _show(database: Database, *, as_json: bool) -> None:
    paused: list[Pause] = database.read(control.pauses)
    if as_json:
        for each in paused:
            print_json(asdict(each))
    elif paused:
        print_table(
            ("paused", "since", "by", "why"),
            [(_called(each.stream, each.relay), each.since, each.who, each.why) for each in paused],
        )
    else:
        click.echo("Nothing is paused.")
