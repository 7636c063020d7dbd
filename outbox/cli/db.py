"""`outbox db`: the tables of the outbox."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from outbox._version import __version__
from outbox.cli.options import database_url
from outbox.settings.opening import opened
from outbox.settings.sources import load_without_relays
from outbox.store.dialects import dialect_of
from outbox.store.history import confirm, restored
from outbox.store.migration import migrate, print_sql
from outbox.store.permission import name_environment, permission
from outbox.store.search import schema_version
from outbox.store.server import server_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outbox.store.database import Database

_DIALECTS = ("sqlite", "postgresql", "mysql", "mariadb")


@click.group()
def db() -> None:
    """Create, upgrade and check the tables of the outbox."""


@db.command()
@database_url
def upgrade(**flags: Any) -> None:
    """Create the tables, or bring them to this release's version."""
    # To change a large table takes as long as it takes.
    with opened(load_without_relays(**flags), create=True, silence=None) as database:
        database.read(database.dialect.check_version)
        migrate(database.engine)
        database.check()
        click.echo(f"OK: {_standing(database)}")


@db.command()
@database_url
def check(**flags: Any) -> None:
    """Tell whether the daemon can work with this database."""
    with opened(load_without_relays(**flags)) as database:
        database.check()
        click.echo(f"OK: {_standing(database)}")


@db.command()
@click.argument("name", required=False)
@click.option("--none", is_flag=True, help="Take the name away.")
@database_url
def environment(name: str | None, *, none: bool, **flags: Any) -> None:
    """Print or set the NAME of the environment that this database is of.

    A daemon of another environment sends nothing of it: name your production's, and no copy is sent from.
    """
    if name is not None and none:
        raise click.UsageError("Give a name or --none, not both.")
    with opened(load_without_relays(**flags)) as database:
        database.check()
        if name is not None or none:
            # The daemon's own setting has the same limits.
            load_without_relays(environment=name)
            database.write(lambda connection: name_environment(connection, name))
        found = database.read(permission).environment
        click.echo("none" if found is None else found)


@db.command("confirm-restore")
@click.option("--yes", is_flag=True, help="Do not ask.")
@database_url
def confirm_restore(*, yes: bool, **flags: Any) -> None:
    """Let mail go again after the database was restored.

    A daemon that finds by its journal that the database went back in time sends nothing, lest mail goes a
    second time that only the journal of another host knows as sent.
    """
    with opened(load_without_relays(**flags)) as database:
        database.check()
        found = database.read(restored)
        if found is None:
            click.echo("Nothing waits for this: no daemon has found that the database went back in time.")
            return
        since = f"{found.since:%Y-%m-%d %H:%M:%S} UTC"
        click.echo(f"At {since} the database was found to have gone back in time; nothing is sent since.")
        click.echo(f"Daemons that have read their journals: {_list(found.answered)}.")
        if found.unanswered:
            click.echo(f"Mail waits in any case until these have, too: {_list(found.unanswered)}.")
        click.echo("Mail that only the journal of a daemon knows as sent that has not run since goes again.")
        if not yes:
            click.confirm("Let mail go?", abort=True)
        database.write(confirm)
        click.echo("OK: mail goes.")


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


@db.command()
@click.option("--dialect", type=click.Choice(_DIALECTS), help="By default that of the database's URL.")
@database_url
def sql(dialect: str | None, **flags: Any) -> None:
    """Print the SQL that creates the tables, for a person who runs it."""
    print_sql(dialect or _named_by_url(flags), sys.stdout)


@db.command()
@click.option("--dialect", type=click.Choice(_DIALECTS), help="By default that of the database's URL.")
@database_url
def grants(dialect: str | None, **flags: Any) -> None:
    """Print the SQL that lets five roles do what each needs, and no more."""
    click.echo(dialect_of(dialect or _named_by_url(flags)).grants(), nl=False)


def _named_by_url(flags: dict[str, Any]) -> str:
    scheme = load_without_relays(**flags).database_url.partition("://")[0]
    return scheme.partition("+")[0]


def _standing(database: Database) -> str:
    server, schema = database.read(lambda connection: (server_of(connection), schema_version(connection)))
    return f"{database.shown} ({server}), tables of version {schema}, email-outbox {__version__}"
