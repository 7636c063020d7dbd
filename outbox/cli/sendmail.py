"""`outbox sendmail`: what /usr/sbin/sendmail is to programs, into the queue."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING

import click

from outbox.cli.ending import CommandError
from outbox.cli.sendmail_arguments import Arguments, read_arguments
from outbox.errors import (
    EX_DATAERR,
    EX_TEMPFAIL,
    DatabaseLockedError,
    DatabaseUnavailableError,
    InvalidEmailError,
    MessageTooLargeError,
)
from outbox.intake import MAX_SIZE
from outbox.mail.address import Address, parse_address
from outbox.mail.received import Received, qualified, split_addresses, until_dot
from outbox.mail.words import address_field, sealed
from outbox.settings.hosts import own_hello
from outbox.settings.make_outbox import outbox_of
from outbox.settings.opening import opened
from outbox.settings.sources import load_without_relays

if TYPE_CHECKING:
    from uuid import UUID

    from outbox.settings import Settings


class _AsTheyAre(click.Command):
    """Takes all arguments as they are, the `--` before recipients too, but for --help alone."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep click from reading what is ours to read."""
        return super().parse_args(ctx, args if args == ["--help"] else ["--", *args])


@click.command(cls=_AsTheyAre, context_settings={"help_option_names": ["--help"]})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def sendmail(arguments: tuple[str, ...]) -> None:
    """Queue the message on standard input, as /usr/sbin/sendmail would; nothing is printed.

    Takes sendmail's options, such as -t -i -f ADDRESS -F NAME -oi -bm; what speaks of a mail server's own
    queue means nothing. Ends with 64 for wrong arguments, 65 for a message that can never be sent, 75 where
    the database does not take it now.
    """
    asked = read_arguments(arguments)
    settings = load_without_relays()
    data = _message(asked, settings.max_size or MAX_SIZE)
    domain = _domain(settings)
    try:
        message = Received(data, domain)
        recipients = _recipients(asked, message, domain)
        sender = _sender(asked, message, settings, domain)
        mime = _named(asked, message, sender) + message.mime
        id_ = _queued(settings, sender, recipients, mime)
    except InvalidEmailError as error:
        raise CommandError(str(error), EX_DATAERR) from error
    except (DatabaseUnavailableError, DatabaseLockedError) as error:
        raise CommandError(str(error), EX_TEMPFAIL) from error
    if asked.verbose:
        click.echo(id_)


def _message(asked: Arguments, largest: int) -> bytes:
    """Read standard input, as far as it goes; refuse what is larger than any message."""
    data = sys.stdin.buffer.read(largest + 1)
    if len(data) > largest:
        told = MessageTooLargeError(
            "size",
            f"over {largest}",
            "the message is above the limit",
            "Send a link, or raise OUTBOX_MAX_SIZE.",
        )
        raise CommandError(str(told), EX_DATAERR)
    return until_dot(data) if asked.dot_ends else data


def _domain(settings: Settings) -> str:
    """Return what completes an address without a domain: that of the sender, or this host's own name."""
    if settings.sender is not None:
        return parse_address("sender", settings.sender).domain
    return settings.smtp_hello or own_hello()


def _recipients(asked: Arguments, message: Received, domain: str) -> list[str]:
    found = split_addresses("recipient", asked.recipients, domain)
    if asked.from_header:
        found += message.recipients()
    if not found:
        raise click.UsageError(
            "There is no recipient. Name one, or give -t and a message with To, Cc or Bcc."
        )
    return [address.email for address in found]


def _sender(asked: Arguments, message: Received, settings: Settings, domain: str) -> str:
    """Return the envelope's sender: as it was asked for, as the message says it, or by default."""
    if asked.sender is not None:
        if asked.sender.strip() in {"", "<>"}:
            raise click.UsageError("-f: a mail without a sender is not queued, as nobody would hear of it.")
        return qualified("-f", asked.sender.strip().removeprefix("<").removesuffix(">"), domain).email
    found = message.sender()
    if found is not None:
        return found.email
    if settings.sender is not None:
        return parse_address("sender", settings.sender).email
    return qualified("sender", _user(), domain).email


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:  # a user without a name, as containers have them
        raise click.UsageError("There is no sender. Give -f ADDRESS, or set OUTBOX_SENDER.") from error


def _named(asked: Arguments, message: Received, sender: str) -> bytes:
    """Return a From with the name that was given, where the message has none."""
    if not asked.name or message.has("from"):
        return b""
    return sealed([address_field("From", [Address(asked.name, sender)])])


def _queued(settings: Settings, sender: str, recipients: list[str], mime: bytes) -> UUID:
    with opened(settings) as database, database.engine.begin() as connection:
        return outbox_of(settings).enqueue(connection, sender=sender, to=recipients, mime=mime)
