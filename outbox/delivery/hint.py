"""What a person may do about a fault of a relay: which setting to look at, where it has a usual cause."""

import re
from collections.abc import Callable

from outbox.delivery.relay import Relay, TlsMode
from outbox.mail.verdict import RelayFault
from outbox.smtp.stage import Stage

_MUST_AUTHENTICATE = 530
_BAD_CREDENTIALS = 535
_ABOUT_TLS = re.compile(r"\b(?:STARTTLS|TLS|encrypt)", re.IGNORECASE)


def hinted(fault: RelayFault, relay: Relay) -> str:
    """Return the words of `fault`, and what may be done about it."""
    hint = next((words for applies, words in _HINTS if applies(fault, relay)), None)
    return fault.reason if hint is None else f"{fault.reason} ({hint})"


def waiting(stage: Stage, seconds: float, relay: Relay) -> str:
    """Return what to tell of a relay that lets us wait at `stage` of the handshake for `seconds` already."""
    fault = RelayFault(stage.value, f"{stage}: no answer for {seconds:g} seconds, still waiting", None)
    return f"relay {relay.name}: {hinted(fault, relay)}"


def _code(fault: RelayFault) -> int:
    return 0 if fault.answer is None else fault.answer.code


def _demands_tls(fault: RelayFault) -> bool:
    return fault.answer is not None and _ABOUT_TLS.search(fault.answer.text) is not None


def _wants_starttls(fault: RelayFault, relay: Relay) -> bool:
    return _code(fault) == _MUST_AUTHENTICATE and _demands_tls(fault) and relay.tls is TlsMode.NONE


def _wants_login(fault: RelayFault, relay: Relay) -> bool:
    return _code(fault) == _MUST_AUTHENTICATE and relay.username is None and not _demands_tls(fault)


def _wants_tls_at_once(fault: RelayFault, relay: Relay) -> bool:
    silent = "no answer" in fault.reason or "closed the connection" in fault.reason
    return fault.stage == Stage.GREETING and silent and relay.tls is not TlsMode.IMPLICIT


def _wants_our_certificate(fault: RelayFault, relay: Relay) -> bool:
    over_tls = relay.tls in (TlsMode.IMPLICIT, TlsMode.STARTTLS) and relay.client_cert is None
    return over_tls and fault.stage == Stage.EHLO and "closed the connection" in fault.reason


_HINTS: tuple[tuple[Callable[[RelayFault, Relay], bool], str], ...] = (
    (
        lambda fault, relay: relay.lmtp and fault.stage == Stage.EHLO and fault.answer is not None,
        "we said LHLO: if this server speaks SMTP, say smtp_protocol = smtp",
    ),
    (_wants_starttls, "say smtp_tls = starttls"),
    (_wants_login, "give smtp_username and smtp_password"),
    (
        lambda fault, _: _code(fault) == _BAD_CREDENTIALS and fault.stage == Stage.AUTH,
        "look at smtp_username and at its password or token",
    ),
    (
        lambda fault, _: fault.stage == Stage.GREETING and "not an SMTP reply" in fault.reason,
        "is smtp_port right?",
    ),
    (_wants_tls_at_once, "if this port speaks TLS at once, say smtp_tls = implicit"),
    (
        lambda fault, relay: (
            fault.stage == Stage.TLS and "no answer" in fault.reason and relay.tls is TlsMode.IMPLICIT
        ),
        "if this port speaks TLS only after STARTTLS, say smtp_tls = starttls",
    ),
    (_wants_our_certificate, "if it demands a client certificate, give smtp_client_cert"),
)
"""The first that applies is told."""
