"""Send one mail straight to a relay, by the code of the daemon, and tell what the relay says."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, assert_never

import click

from outbox.cli.ending import CommandError
from outbox.delivery.dialler import Dialler
from outbox.delivery.mail import Envelope, Mail
from outbox.delivery.relay import Timeouts
from outbox.errors import EX_CONFIG, EX_TEMPFAIL, EX_UNAVAILABLE
from outbox.mail.diversion import Diversion
from outbox.mail.objection import Objection
from outbox.mail.stream import DEFAULT
from outbox.mail.verdict import Deferred, InDoubt, Rejected, RelayFault, Sent, Untouched, Verdict
from outbox.settings.make_outbox import outbox_of
from outbox.settings.make_relay import introduced, refuse_bad_files, relays_of
from outbox.settings.make_routes import routes_of
from outbox.settings.make_signer import signer_of
from outbox.smtp.reply import printable

if TYPE_CHECKING:
    from outbox.delivery.connection import Connection
    from outbox.delivery.relay import Relay
    from outbox.settings import Settings
    from outbox.store.insert import NewMessage

# A person waits; but for the answer to the final dot, whose absence would leave the mail in doubt.
_TIMEOUTS = Timeouts(connect=10.0, handshake=20.0, tls=10.0, command=30.0, data=30.0)


def send_straight(settings: Settings, fields: dict[str, Any]) -> None:
    """Send the mail of `fields` by the relay of its stream; print what the relay says of each recipient.

    Raises CommandError where not all of them get it.
    """
    relay = replace(introduced(_relay_of(settings, fields.get("stream"))), timeouts=_TIMEOUTS)
    refuse_bad_files(settings, [relay])
    signer = signer_of(settings)
    message = outbox_of(settings).prepare(fields).new  # type: ignore[arg-type] # as its names
    mime = message.mime if signer is None else signer.signed(message.mime, int(time.time()))
    recipients = _diverted(settings, message)
    verdicts = asyncio.run(_delivered(relay, message, recipients, mime))
    for recipient, verdict in verdicts.items():
        click.echo(printable(f"{recipient}: {_words(verdict)}"))
    _end(verdicts)


def _relay_of(settings: Settings, stream: str | None) -> Relay:
    """Return the first relay of a stream; where none is asked for, that of mail that names none, or any."""
    relays = {relay.name: relay for relay in relays_of(settings)}
    way = routes_of(settings, ()).ways(stream or DEFAULT)
    # One that serves named streams only is to be tried all the same.
    others = [*relays] if stream is None else []
    chosen = next((relays[name] for name in [*way, *others] if name in relays), None)
    if chosen is None:
        raise CommandError(f"stream: no relay of these settings takes {stream!r}.", EX_CONFIG)
    return chosen


def _diverted(settings: Settings, message: NewMessage) -> tuple[str, ...]:
    """Return who is written to: a test system writes to nobody outside by this way either."""
    diversion = Diversion(settings.redirect_all_to, frozenset(settings.allowed_domains))
    found = []
    for recipient in message.recipients:
        to = diversion.of(recipient)
        if isinstance(to, Objection):
            raise CommandError(f"{recipient} is not written to: {to.detail}.", EX_CONFIG)
        found.append(to)
    return tuple(dict.fromkeys(found))


async def _delivered(
    relay: Relay, message: NewMessage, recipients: tuple[str, ...], mime: bytes
) -> dict[str, Verdict]:
    """Carry the mail over one connection, in as many transactions as the relay wants it."""
    connection = await Dialler(relay).connect()
    if isinstance(connection, RelayFault):
        return dict.fromkeys(recipients, connection)
    _tell_session(relay, connection)
    found: dict[str, Verdict] = {}
    left = recipients
    while left and connection.usable:
        told: list[Verdict] = []
        envelope = Envelope(message.sender, left, mime, str(message.id))
        mails = iter([Mail(envelope, lambda: None, told.extend)])
        await connection.carry(lambda mails=mails: next(mails, None))  # type: ignore[misc] # a default binds it
        found |= dict(zip(left, told, strict=True))
        untouched = tuple(each for each in left if isinstance(found[each], Untouched))
        if untouched == left:
            break
        left = untouched
    await connection.quit()
    return found


def _tell_session(relay: Relay, connection: Connection) -> None:
    channel = connection.wire.channel
    tls = "in the clear" if channel is None else channel.version
    login = "without AUTH" if relay.username is None else f"logged in as {relay.username}"
    click.echo(printable(f"{relay.name}: {relay.host}:{relay.port}, {tls}, {login}"))


def _words(verdict: Verdict) -> str:
    match verdict:
        case Sent(answer):
            told = " ".join(filter(None, (str(answer.code), answer.enhanced, answer.text)))
            return f"sent: {told}"
        case Rejected():
            return f"refused for good: {verdict.reason}"
        case Deferred():
            return f"refused for now: {verdict.reason}"
        case InDoubt():
            return f"in doubt, the relay may have it: {verdict.reason}"
        case RelayFault() | Untouched():
            return f"not sent: {verdict.reason}"
        case _:
            assert_never(verdict)


def _end(verdicts: dict[str, Verdict]) -> None:
    found = [*verdicts.values()]
    if any(isinstance(each, Rejected | RelayFault) for each in found):
        raise CommandError("Not every recipient was sent to.", EX_UNAVAILABLE)
    if not all(isinstance(each, Sent) for each in found):
        raise CommandError("Not every recipient was sent to; it may be tried again later.", EX_TEMPFAIL)
