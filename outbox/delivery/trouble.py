"""Say what a foreign exception means in words that a person can act on: the one place that maps them."""

import socket
import ssl
from collections.abc import Callable

from outbox.delivery.certificate import UntrustedCertificateError, explain_certificate
from outbox.delivery.relay import Relay, TlsMode
from outbox.delivery.tls import CaFileError, ClientCertificateError
from outbox.smtp.command import UnsendableError
from outbox.smtp.reply import MAX_TEXT, printable
from outbox.smtp.stage import Stage

IMPLICIT_TLS_PORT = 465

_RESOLVER_FAULTS = frozenset({socket.EAI_AGAIN, socket.EAI_FAIL})
_RESOLVER = "look at this host's resolver and its DNS server"
_UNKNOWN_NAME = "look for a slip in it (smtp_host), or in DNS"

# OpenSSL's names of what goes wrong in TLS; of an alert what stands behind "_ALERT_" (RFC 8446 §6.2).
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})
_TOO_OLD = frozenset(
    {
        "PROTOCOL_VERSION",
        "INSUFFICIENT_SECURITY",
        "UNSUPPORTED_PROTOCOL",
        "VERSION_TOO_LOW",
        "NO_SHARED_CIPHER",
    }
)
_REFUSED = "HANDSHAKE_FAILURE"
_OURS_REFUSED = frozenset(
    {
        "CERTIFICATE_REQUIRED",
        "NO_CERTIFICATE",
        "BAD_CERTIFICATE",
        "UNSUPPORTED_CERTIFICATE",
        "CERTIFICATE_REVOKED",
        "CERTIFICATE_EXPIRED",
        "CERTIFICATE_UNKNOWN",
        "UNKNOWN_CA",
        "ACCESS_DENIED",
    }
)


class ConnectionEndedError(Exception):
    """The relay closed the connection in good order (EOF, or the farewell of TLS)."""


FAULTS = (
    OSError,
    UnicodeError,  # a host name that IDNA cannot encode
    ValueError,  # an empty host name inside TLS, UnsendableError, CaFileError, ClientCertificateError
    ConnectionEndedError,
)
"""Every exception that the network may raise at us; ssl.SSLError, gaierror and TimeoutError are OSErrors."""


def explain(error: BaseException, relay: Relay, stage: Stage) -> str:
    """Return what `error` at `stage` means, without stage and relay's name: one short printable line."""
    for kind, words in _TABLE:
        if isinstance(error, kind):
            return printable(words(error, relay, stage)[:MAX_TEXT])[:MAX_TEXT]
    return printable(f"{type(error).__name__}: {error}"[:MAX_TEXT])[:MAX_TEXT]


def _certificate(error: BaseException, relay: Relay, _stage: Stage) -> str:
    assert isinstance(error, UntrustedCertificateError)  # noqa: S101 the table's own promise
    return explain_certificate(error, relay)


def _tls(error: BaseException, relay: Relay, stage: Stage) -> str:
    reason = getattr(error, "reason", None) or str(error)
    cause = reason.rpartition("_ALERT_")[2]
    if cause in _NO_TLS and stage is Stage.TLS:
        return _no_tls(relay)
    if cause in _TOO_OLD:
        return (
            f"{relay.host}:{relay.port} speaks no TLS 1.2 that is safe: the server must be brought up to date"
        )
    if cause in _OURS_REFUSED:
        return _ours_refused(cause, relay)
    if cause == _REFUSED:
        ours = "not accept our" if relay.client_cert else "demand a"
        return (
            f"the server refuses the handshake: it may {ours} client certificate (smtp_client_cert), "
            "or share no cipher with us"
        )
    return f"TLS failed: {reason}"


def _no_tls(relay: Relay) -> str:
    where = f"{relay.host}:{relay.port}"
    if relay.tls is TlsMode.IMPLICIT:
        return f"{where} does not speak TLS here (ports 587 and 25 usually want smtp_tls = starttls)"
    return (
        f"{where} does not speak TLS here, although it agreed to STARTTLS: the server is broken, "
        "or somebody on the way meddles"
    )


def _ours_refused(alert: str, relay: Relay) -> str:
    """Explain a refusal of our certificate; in TLS 1.3 it comes when our handshake is already done."""
    if relay.client_cert is None:
        return "the server demands a client certificate: give it one (smtp_client_cert)"
    words = alert.replace("_", " ").lower()
    return f"the server does not accept our client certificate {relay.client_cert}: {words}"


def _name(error: BaseException, relay: Relay, _stage: Stage) -> str:
    assert isinstance(error, socket.gaierror)  # noqa: S101 the table's own promise
    remedy = _RESOLVER if error.errno in _RESOLVER_FAULTS else _UNKNOWN_NAME
    return f"the name {relay.host} cannot be resolved: {error.strerror or error}; {remedy}"


def _refused(_error: BaseException, relay: Relay, _stage: Stage) -> str:
    return f"{relay.host}:{relay.port} refuses connections: is the server running, and smtp_port right?"


def _slow(_error: BaseException, relay: Relay, stage: Stage) -> str:
    return f"no answer within {relay.timeouts.of(stage):g} seconds"


def _ended(_error: BaseException, _relay: Relay, _stage: Stage) -> str:
    return "the server closed the connection"


def _cut(error: BaseException, relay: Relay, stage: Stage) -> str:
    words = getattr(error, "strerror", None) or str(error)
    if stage is Stage.CONNECT:
        return f"{relay.host}:{relay.port} cannot be reached: {words}"
    return f"the connection was cut: {words}"


def _as_it_says(error: BaseException, _relay: Relay, _stage: Stage) -> str:
    return str(error)


def _bad_name(_error: BaseException, relay: Relay, stage: Stage) -> str:
    name = relay.host if stage is Stage.CONNECT else relay.tls_name or relay.host
    return f"{name!r} is not a host name"


# The first row that fits wins, so the narrow kinds stand before the wide ones.
_TABLE: tuple[tuple[type[BaseException], Callable[[BaseException, Relay, Stage], str]], ...] = (
    (UntrustedCertificateError, _certificate),
    (ssl.SSLError, _tls),
    (socket.gaierror, _name),
    (TimeoutError, _slow),
    (ConnectionRefusedError, _refused),
    (ConnectionEndedError, _ended),
    (OSError, _cut),
    (UnsendableError, _as_it_says),
    (CaFileError, _as_it_says),
    (ClientCertificateError, _as_it_says),
    (ValueError, _bad_name),
)
