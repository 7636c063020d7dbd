"""Say what a foreign exception means in words that a person can act on: the one place that maps them."""

import socket
import ssl
from collections.abc import Callable

from outbox.delivery.relay import Relay, TlsMode
from outbox.delivery.tls import CaFileError
from outbox.smtp.command import UnsendableError
from outbox.smtp.stage import Stage

IMPLICIT_TLS_PORT = 465
_EXPIRED, _NOT_YET_VALID, _WRONG_NAME, _WRONG_ADDRESS = 10, 9, 62, 64
_UNTRUSTED = {
    18: "it is self-signed",
    19: "its authority is self-signed",
    20: "its authority is unknown here",
}


class ConnectionEndedError(Exception):
    """The relay closed the connection in good order (EOF, or the farewell of TLS)."""


FAULTS = (
    OSError,
    UnicodeError,  # a host name that IDNA cannot encode
    ValueError,  # an empty host name inside TLS, UnsendableError, CaFileError
    ConnectionEndedError,
)
"""Every exception that the network may raise at us; ssl.SSLError, gaierror and TimeoutError are OSErrors."""


def explain(error: BaseException, relay: Relay, stage: Stage) -> str:
    """Return what `error` at `stage` means, without the stage and the relay's name."""
    for kind, words in _TABLE:
        if isinstance(error, kind):
            return words(error, relay, stage)
    return f"{type(error).__name__}: {error}"


def _certificate(error: BaseException, relay: Relay, _stage: Stage) -> str:
    code = getattr(error, "verify_code", 0)
    words = getattr(error, "verify_message", str(error))
    whose = f"certificate of {relay.host}"
    if code == _EXPIRED:
        return f"{whose} has expired: it must be renewed on the server"
    if code == _NOT_YET_VALID:
        return f"{whose} is not valid yet: look at the clocks of both hosts"
    if code in (_WRONG_NAME, _WRONG_ADDRESS):
        return f"{whose} is for another name: use a host name that it holds ({words})"
    reason = _UNTRUSTED.get(code, words)
    return (
        f"{whose} is not trusted: {reason}; if the authority is your own, give its certificate as the CA file"
    )


def _tls(error: BaseException, relay: Relay, stage: Stage) -> str:
    reason = getattr(error, "reason", None) or str(error)
    if reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE") and stage is Stage.TLS:
        hint = " (port 587 and 25 usually want tls = starttls)" if relay.tls is TlsMode.IMPLICIT else ""
        return f"{relay.host}:{relay.port} does not speak TLS here{hint}"
    return f"TLS failed: {reason}"


def _name(error: BaseException, relay: Relay, _stage: Stage) -> str:
    words = getattr(error, "strerror", None) or str(error)
    return f"the name {relay.host} cannot be resolved: {words}"


def _refused(_error: BaseException, relay: Relay, _stage: Stage) -> str:
    return f"nothing answers at {relay.host}:{relay.port}: connection refused"


def _slow(_error: BaseException, relay: Relay, stage: Stage) -> str:
    words = f"no answer within {relay.timeouts.of(stage):g} seconds"
    if stage is Stage.GREETING and relay.port == IMPLICIT_TLS_PORT and relay.tls is not TlsMode.IMPLICIT:
        return f"{words} (port {IMPLICIT_TLS_PORT} usually wants tls = implicit)"
    return words


def _ended(_error: BaseException, _relay: Relay, _stage: Stage) -> str:
    return "the server closed the connection"


def _cut(error: BaseException, relay: Relay, stage: Stage) -> str:
    words = getattr(error, "strerror", None) or str(error)
    if stage is Stage.CONNECT:
        return f"{relay.host}:{relay.port} cannot be reached: {words}"
    return f"the connection was cut: {words}"


def _as_it_says(error: BaseException, _relay: Relay, _stage: Stage) -> str:
    return str(error)


def _bad_name(_error: BaseException, relay: Relay, _stage: Stage) -> str:
    return f"{relay.host!r} is not a host name"


# The first row that fits wins, so the narrow kinds stand before the wide ones.
_TABLE: tuple[tuple[type[BaseException], Callable[[BaseException, Relay, Stage], str]], ...] = (
    (ssl.SSLCertVerificationError, _certificate),
    (ssl.SSLError, _tls),
    (socket.gaierror, _name),
    (TimeoutError, _slow),
    (ConnectionRefusedError, _refused),
    (ConnectionEndedError, _ended),
    (OSError, _cut),
    (UnsendableError, _as_it_says),
    (CaFileError, _as_it_says),
    (ValueError, _bad_name),
)
