"""Whether a relay can be reached, is who it should be, and lets us in: all but the mail itself is real."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from outbox.delivery.connection import Connection
from outbox.delivery.dialler import Dialler
from outbox.delivery.relay import Relay, Timeouts, TlsMode
from outbox.delivery.resolve import Resolver
from outbox.delivery.trouble import explain
from outbox.findings import Finding, fault, ok, outage, unchecked, warning
from outbox.mail.verdict import RelayFault
from outbox.smtp.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from outbox.delivery.certificate import Certificate
    from outbox.smtp.extensions import Extensions

TIMEOUTS = Timeouts(connect=6.0, handshake=12.0, tls=6.0, command=8.0, quit=1.0)
"""Shorter than the daemon's: a person waits."""

_EARLY = 21
"""Days before its end in which a certificate is warned of: renewals begin at thirty."""

_STEPS = {
    Stage.CONNECT: "connection",
    Stage.GREETING: "greeting",
    Stage.EHLO: "EHLO",
    Stage.HELO: "EHLO",
    Stage.STARTTLS: "TLS",
    Stage.TLS: "TLS",
    Stage.AUTH: "AUTH",
}


@dataclass(frozen=True, slots=True)
class _Visit:
    """What a session was, from the greeting to the point where a mail may begin."""

    offered: Extensions
    tls: str | None
    certificates: Sequence[Certificate]


def relay_findings(relay: Relay, largest: int) -> Iterator[Finding]:
    """Look a relay's name up, connect, encrypt, log in and leave; messages have `largest` bytes at most."""
    relay = replace(relay, timeouts=TIMEOUTS)
    name = f"relay {relay.name}"
    try:
        addresses = asyncio.run(_addresses(relay))
    except (OSError, UnicodeError) as error:
        yield outage(f"{name}, address", explain(error, relay, Stage.CONNECT), "")
        yield _unreached(relay, "address")
        return
    yield ok(f"{name}, address", f"{relay.host} is {', '.join(addresses)}")
    visit = asyncio.run(_visit(relay))
    if isinstance(visit, RelayFault):
        yield from _faults(relay, visit)
    else:
        yield from _seen(relay, visit, largest)


async def _addresses(relay: Relay) -> list[str]:
    async with asyncio.timeout(TIMEOUTS.connect):
        rows = await Resolver().addresses(relay.host, relay.port)
    return list(dict.fromkeys(str(row[4][0]) for row in rows))


async def _visit(relay: Relay) -> _Visit | RelayFault:
    connection = await Dialler(relay).connect()
    if not isinstance(connection, Connection):
        return connection
    channel = connection.wire.channel
    visit = _Visit(
        connection.offered,
        None if channel is None else channel.version,
        () if channel is None else channel.certificates,
    )
    await connection.quit()
    return visit


def _faults(relay: Relay, told: RelayFault) -> Iterator[Finding]:
    """Tell what failed, and what was not reached for it."""
    name = f"relay {relay.name}"
    step = next((words for stage, words in _STEPS.items() if stage == told.stage), "connection")
    says = told.reason.removeprefix(f"{name}: ")
    is_outage = step in {"connection", "greeting"} or (told.answer is not None and told.answer.code < 500)  # noqa: PLR2004 - 5yz is for good (RFC 5321 §4.2.1)
    yield (outage if is_outage else fault)(f"{name}, {step}", says, "")
    yield _unreached(relay, step)


def _unreached(relay: Relay, step: str) -> Finding:
    """Tell what lies behind a step that failed."""
    order = ["address", "connection", "greeting", "EHLO", "TLS", "AUTH", "size"]
    if relay.tls is TlsMode.IMPLICIT:
        order = ["address", "connection", "TLS", "greeting", "EHLO", "AUTH", "size"]
    elif relay.tls is TlsMode.NONE:
        order.remove("TLS")
    behind = order[order.index(step) + 1 :]
    return unchecked(f"relay {relay.name}, {', '.join(behind)}", "not reached")


def _seen(relay: Relay, visit: _Visit, largest: int) -> Iterator[Finding]:
    name = f"relay {relay.name}"
    yield ok(f"{name}, connection", f"{relay.host}:{relay.port} greets us")
    yield _tls(name, relay, visit)
    if visit.certificates:
        yield _expiry(name, visit.certificates, datetime.now(UTC))
    offers = {
        "PIPELINING": visit.offered.pipelining,
        "8BITMIME": visit.offered.eightbitmime,
        "SMTPUTF8": visit.offered.smtputf8,
        "DSN": visit.offered.dsn,
    }
    offered = ", ".join(word for word, is_offered in offers.items() if is_offered)
    yield ok(f"{name}, EHLO", f"it takes us as {relay.hello}, and offers {offered or 'no extension'}")
    if relay.username is None:
        offer = ", though it offers that" if visit.offered.auth else ""
        yield ok(f"{name}, AUTH", f"without, as no smtp_username is set{offer}")
    else:
        yield ok(f"{name}, AUTH", f"{relay.username} is let in")
    yield _size(name, visit.offered.size, largest)


def _tls(name: str, relay: Relay, visit: _Visit) -> Finding:
    if visit.tls is None:
        if relay.tls is TlsMode.NONE:
            return ok(f"{name}, TLS", "without, as smtp_tls = none says")
        return warning(
            f"{name}, TLS",
            "it offers none, and smtp_tls = opportunistic goes on without",
            "Ask its owner for it.",
        )
    if relay.tls is TlsMode.OPPORTUNISTIC:
        return ok(f"{name}, TLS", f"{visit.tls}, unverified, as smtp_tls = opportunistic says")
    return ok(f"{name}, TLS", f"{visit.tls}, verified for {relay.tls_name or relay.host}")


def _expiry(name: str, chain: Sequence[Certificate], now: datetime) -> Finding:
    first = min(chain, key=lambda each: each.not_after)
    days = (first.not_after - now).days
    told = f"that of {first.subject} ends in {days} days, on {first.not_after:%Y-%m-%d}"
    if days < _EARLY:
        return warning(
            f"{name}, certificate", told, "See that the server's owner renews it: then no mail goes any more."
        )
    return ok(f"{name}, certificate", told)


def _size(name: str, most: int | None, largest: int) -> Finding:
    if most is None or most == 0:
        return ok(f"{name}, size", "it names no limit")
    if most < largest:
        return warning(
            f"{name}, size",
            f"it takes {most} bytes, and messages may have {largest} (max_size): larger ones fail",
            f"Set OUTBOX_MAX_SIZE={most}, so that they are refused when they are queued.",
        )
    return ok(f"{name}, size", f"it takes {most} bytes")
