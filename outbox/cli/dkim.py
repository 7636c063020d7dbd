"""`outbox dkim`: make keys that sign mail, print their DNS records, and check what DNS says."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import click

from outbox.cli.ending import CommandError
from outbox.cli.options import name_server
from outbox.delivery.dkim.record import Finding, judge, record_name, record_text, zone_line
from outbox.errors import EX_CONFIG, EX_TEMPFAIL, EX_USAGE, SettingsError
from outbox.settings import load
from outbox.settings.make_signer import MISSING, signer_of
from outbox.settings.sources import load_flags

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from outbox.delivery.dkim.signature import Signatory
    from outbox.settings import Settings

_IN_A_TABLE = re.compile(r"^dkim \(flag --dkim\): \[1\]\.(domain|selector|key)\b")
_BITS = ("1024", "2048", "3072", "4096")


def _one_key(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that name a key which the settings need not know yet."""
    for name, metavar, what in (
        ("key", "FILE", "The key's PEM file."),
        ("selector", "NAME", "The selector of a key that stands in no settings yet."),
        ("domain", "DOMAIN", "The domain of such a key; all three go together."),
    ):
        command = click.option(f"--{name}", metavar=metavar, help=what)(command)
    return command


@click.group()
def dkim() -> None:
    """Make keys that sign mail, and check their DNS records.

    To change a key: make a new one under a new selector, publish its record, check it, name it in the
    settings in place of the old one, reload the daemon, and leave the old record for a week.
    """


@dkim.command()
@click.option("--domain", metavar="DOMAIN", required=True, help="The domain in From.")
@click.option("--selector", metavar="NAME", required=True, help="A name for the key, new for each key.")
@click.option("--type", "kind", type=click.Choice(["rsa", "ed25519"]), default="rsa", show_default=True)
@click.option(
    "--bits", type=click.Choice(_BITS), default="2048", show_default=True, help="The length of an RSA key."
)
@click.option("--out", metavar="FILE", required=True, help="A new file, for its owner only.")
def keygen(domain: str, selector: str, kind: str, bits: str, out: str) -> None:
    """Make a key, and print its DNS record and the settings that use it."""
    (named,) = _one(domain, selector, out, file="--out").dkim
    try:
        from outbox.delivery.dkim.key import Kind, new_key  # noqa: PLC0415 - help needs none of it
    except ImportError as error:
        raise SettingsError([MISSING]) from error
    pem, key = new_key(Kind(kind), int(bits))
    _write_new(named.key, pem)
    # What to do with them stands beside them: a zone file and outbox.toml take them from standard output.
    click.echo(f"Written: {named.key}, for its owner only: let that be the daemon's user.", err=True)
    click.echo("Publish this record in DNS, and wait until outbox dkim check finds it:\n", err=True)
    click.echo(zone_line(record_name(named.domain, named.selector), record_text(key)))
    click.echo("\nThen put this into outbox.toml, and reload the daemon:", err=True)
    click.echo(
        f'\n[[dkim]]\ndomain = "{named.domain}"\nselector = "{named.selector}"\n'
        f'key = "{named.key.absolute()}"'
    )


@dkim.command()
@_one_key
def dns(**key: str | None) -> None:
    """Print the TXT record of each key as a line of a zone file.

    A form on the web takes the name without the domain, and the strings in one, without quotes.
    """
    for each in _signatories(**key):
        click.echo(zone_line(record_name(each.domain, each.selector), record_text(each.key)))


@dkim.command()
@_one_key
@name_server
def check(nameserver: str | None, port: int, **key: str | None) -> None:
    """Tell whether the DNS record of each key fits it.

    Ends with 78 where a record does not fit, with 75 where DNS gave no answer.
    """
    # Only here: to sign, nobody is asked anything.
    from outbox.delivery.dkim.lookup import LookupFailedError, resolver_at, texts_at  # noqa: PLC0415

    faults: list[str] = []
    try:
        resolver = resolver_at(nameserver, port)
        for each in _signatories(**key):
            name = record_name(each.domain, each.selector)
            finding = judge(texts_at(name, resolver), each.key)
            if finding is Finding.FITS:
                click.echo(f"OK: {name}: {finding} ({each.key.algorithm})")
            else:
                faults.append(f"{name}: {finding}.")
    except LookupFailedError as error:
        raise CommandError(
            f"DNS gave no answer: {error}. Try again later, or give --nameserver.", EX_TEMPFAIL
        ) from error
    if faults:
        raise CommandError("\n".join(faults), EX_CONFIG)


def _signatories(**key: str | None) -> tuple[Signatory, ...]:
    """Return the key that the options name, or all that the settings name."""
    given = {name: value for name, value in key.items() if value is not None}
    if given and len(given) < len(key):
        raise click.UsageError("Give --domain, --selector and --key together, or none of them.")
    signer = signer_of(_one(**given) if given else load())
    if signer is None:
        raise CommandError(
            "dkim: the settings name no key. Make one: outbox dkim keygen, or give --domain, --selector "
            "and --key.",
            EX_CONFIG,
        )
    return signer.signatories


def _one(domain: str, selector: str, key: str, file: str = "--key") -> Settings:
    """Return settings of this key alone; raise what the daemon's would, in the words of these options."""
    try:
        return load_flags(dkim=[{"domain": domain, "selector": selector, "key": key}])
    except SettingsError as error:
        options = {"domain": "--domain", "selector": "--selector", "key": file}
        raise SettingsError(
            [_IN_A_TABLE.sub(lambda found: options[found[1]], fault) for fault in error.faults]
        ) from error


def _write_new(path: Path, pem: bytes) -> None:
    """Write a file that only its owner may read, and never over another."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
    except FileExistsError:
        raise CommandError(f"--out: there is a file {path} already. Give another name.", EX_USAGE) from None
    except OSError as error:
        raise CommandError(
            f"--out: {path} cannot be written: {error.strerror}. Give a path that can.", EX_USAGE
        ) from error
