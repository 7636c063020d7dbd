"""`outbox config`: what the settings are, where each comes from, and what is wrong with them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from outbox.cli.options import as_json
from outbox.cli.paper import print_json, print_table
from outbox.errors import OutboxError, SettingsError, counted
from outbox.settings.make_relay import refuse_bad_files, relays_of
from outbox.settings.make_signer import signer_of
from outbox.settings.shown import Shown, shown_settings
from outbox.settings.sources import load_with_origins
from outbox.smtp.reply import printable
from outbox.store.dialects import dialect_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.settings import Settings


@click.group()
def config() -> None:
    """Show the settings and where each comes from, and find all that is wrong with them."""


@config.command()
@as_json
def show(*, as_json: bool) -> None:
    """Show every setting and where it comes from; of secrets only whether they are set."""
    loaded = load_with_origins()
    rows = list(shown_settings(loaded))
    if as_json:
        for row in rows:
            print_json(_as_row(row))
        return
    print_table(("setting", "value", "from"), [(row.name, _words(row), row.origin) for row in rows])
    _tell(loaded.notes)


@config.command()
def check() -> None:
    """Tell whether the settings, and the files that they name, can be used; end with 78 where not.

    Asks no server anything: `outbox check` does.
    """
    loaded = load_with_origins()
    faults = faults_in_files(loaded.settings)
    _tell(loaded.notes)
    if faults:
        raise SettingsError(faults)
    click.echo(f"OK: {counted(len(loaded.origins), 'setting')} given, and all can be used.")


def faults_in_files(settings: Settings) -> list[str]:
    """Return what is wrong with the files and the kind of database that the settings name."""
    scheme = settings.database_url.partition("://")[0].partition("+")[0]
    uses: tuple[Callable[[], object], ...] = (
        lambda: dialect_of(scheme),
        lambda: refuse_bad_files(settings, relays_of(settings)),
        lambda: signer_of(settings),
    )
    faults: list[str] = []
    for use in uses:
        try:
            use()
        except SettingsError as error:
            faults += error.faults
        except OutboxError as error:
            faults.append(f"database_url: {error}")
    return faults


def _as_row(row: Shown) -> dict[str, object]:
    told = asdict(row)
    return {"name": told["name"], "value": told["value"], "from": told["origin"]} | (
        {"secret": True, "set": row.is_set} if row.is_secret else {}
    )


def _words(row: Shown) -> str | None:
    if row.is_secret:
        return "set" if row.is_set else "not set"
    return row.value


def _tell(notes: tuple[str, ...]) -> None:
    for note in notes:
        click.echo(f"Note: {printable(note)}", err=True)
