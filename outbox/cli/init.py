"""`outbox init`: the two files that a new installation needs, and what to do next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from outbox.cli.ending import CommandError
from outbox.cli.unit_file import is_hidden_from_units, program, unit_file
from outbox.errors import EX_USAGE, shown
from outbox.settings.shown import has_password
from outbox.settings.sources import load_flags
from outbox.settings.written import written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_INSTANCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class _Names:
    """What the files of a daemon are called, as the units that are shipped have it.

    `config` is the file of its settings, and `of_unit` the same name as its `unit` says it.
    """

    config: str = "outbox.toml"
    unit: str = "outbox.service"
    of_unit: str = "outbox.toml"
    service: str = "outbox"
    credential: str = "/etc/outbox/smtp_password"
    environment: str = "/etc/outbox/outbox.env"
    state: str = "/var/lib/outbox"


def _names(instance: str | None) -> _Names:
    if instance is None:
        return _Names()
    if not _INSTANCE.fullmatch(instance):
        raise click.UsageError(
            f"--instance: {shown(instance)} is no name. Give one of letters, digits, '-', '_' and '.', "
            "such as shop."
        )
    return _Names(
        config=f"{instance}.toml",
        unit="outbox@.service",
        of_unit="%i.toml",
        service=f"outbox@{instance}",
        credential=f"/etc/outbox/{instance}.smtp_password",
        environment=f"/etc/outbox/{instance}.env",
        state=f"/var/lib/outbox-{instance}",
    )


@click.command()
@click.argument("directory", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option("--database-url", metavar="URL", help="The database, without a password.")
@click.option("--smtp-host", metavar="HOST", help="The relay's host.")
@click.option("--instance", metavar="NAME", help="One of several daemons: NAME.toml and outbox@.service.")
@click.option("--force", is_flag=True, help="Write over files that are there.")
def init(
    directory: Path, database_url: str | None, smtp_host: str | None, instance: str | None, *, force: bool
) -> None:
    """Write a commented outbox.toml and outbox.service into DIRECTORY, and tell what to do next.

    Every setting stands in outbox.toml with its description and its default. Passwords do not: comments say
    where they go. A host whose daemons serve several databases has an instance for each: its settings are in
    NAME.toml, and all share the unit outbox@.service.
    """
    names = _names(instance)
    given = _checked({"database_url": database_url, "smtp_host": smtp_host}, names)
    folder = directory.resolve()
    config, unit = folder / names.config, folder / names.unit
    files = {config: written(given), unit: unit_file(names.unit, folder, names.of_unit)}
    # Whoever has done what is told next for another instance has changed the unit since.
    kept = instance is not None and unit.is_file() and not force
    if kept:
        del files[unit]
    if not force:
        _refuse_existing(files)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            _write(path, text)
    except OSError as error:
        problem = f"{error.filename or folder} cannot be written: {error.strerror}"
        raise CommandError(f"directory: {problem}. Give another, or another user.", EX_USAGE) from error
    for path in files:
        click.echo(f"Written: {path}")
    if kept:
        click.echo(f"Left as it is: {unit}, which all instances share")
    click.echo("\nNext:")
    for n, step in enumerate(_next(config, unit, names, given), 1):
        click.echo(f"{n:>3}. {step}")


def _checked(flags: Mapping[str, str | None], names: _Names) -> dict[str, str]:
    """Return the settings that were given, as they were; raise what is wrong with them."""
    given = {name: value for name, value in flags.items() if value is not None}
    url = load_flags(**given).database_url
    if has_password(url):
        raise click.UsageError(
            f"--database-url: a password stands in it, and {names.config} is no place for one. Give the URL "
            f"without it here, and with it as OUTBOX_DATABASE_URL in {names.environment}, for the daemon."
        )
    return given


def _refuse_existing(files: Iterable[Path]) -> None:
    existing = [str(path) for path in files if path.exists() or path.is_symlink()]
    if existing:
        raise CommandError(
            f"directory: there is {' and '.join(existing)} already, and nothing was written. Give another "
            "directory, or --force to write over what is there.",
            EX_USAGE,
        )


def _write(path: Path, text: str) -> None:
    """Write the whole file, or leave what is there."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def _next(config: Path, unit: Path, names: _Names, given: Mapping[str, str]) -> Iterator[str]:
    url = given.get("database_url", "sqlite")
    is_sqlite = url.startswith("sqlite")
    # As the daemon's user: a file of root it could not write to.
    as_daemon = "runuser -u outbox -- " if is_sqlite else ""
    mine = [
        *([] if "database_url" in given else ["the database"]),
        "the relay",
        "its user name",
        "the sender",
    ]
    yield f"Set what is yours in {config}: {', '.join(mine)}."
    yield f"For all commands: export OUTBOX_CONFIG={config}"
    yield (
        f"Put the relay's password into {names.credential} (mode 0600, root), and take the # from "
        f"LoadCredential= in {unit.name}."
    )
    yield "useradd --system --home-dir /var/lib/outbox --shell /usr/sbin/nologin outbox"
    if is_sqlite:
        yield f"install -d -m 700 -o outbox -g outbox {names.state}"
    if is_sqlite and not url.startswith(f"sqlite:///{names.state}/"):
        yield (
            f"With SQLite: give its whole path (sqlite:///{names.state}/outbox.sqlite3). If it is elsewhere, "
            f"give its directory as ReadWritePaths= in {unit.name}, and let the user outbox write there."
        )
    yield f"Create the tables: {as_daemon}{program()} db upgrade"
    yield f"Try everything: OUTBOX_SMTP_PASSWORD=$(cat {names.credential}) {program()} check"
    enable = f"systemctl enable --now {names.service}"
    yield f"cp {unit} /etc/systemd/system/ && systemctl daemon-reload && {enable}"
    if is_hidden_from_units(config) or "/home/" in unit.read_text(encoding="utf-8"):
        yield "systemd hides /home and /root from the daemon (ProtectHome=): install and keep both elsewhere."
