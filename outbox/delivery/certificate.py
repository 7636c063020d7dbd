"""The certificates that a relay showed, and what is wrong with them in words that a person can act on."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from outbox.delivery.relay import Relay
from outbox.smtp.reply import printable

_MOST_CERTIFICATES = 10
_MOST_NAMES = 5
_LONGEST_NAME = 64
_IF_OWN = "if the authority is your own, give its certificate as the CA file (smtp_ca_file)"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a person asks of one certificate; `names` are the hosts and IP addresses that it is for."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime


class UntrustedCertificateError(ssl.SSLError):
    """The relay's certificate did not pass: OpenSSL's code and words, and the chain shown, the relay's first.

    `chain` is empty where Python does not tell it; `when` is the instant of the check.
    """

    def __init__(self, code: int, words: str, chain: tuple[Certificate, ...], when: datetime) -> None:
        super().__init__(1, words)
        self.code = code
        self.words = words
        self.chain = chain
        self.when = when


def shown(tls: ssl.SSLObject) -> tuple[Certificate, ...]:
    """Return the certificates that the other end showed, verified or not; none where Python hides them.

    The public getpeercert() is empty after a failed check, and the public get_unverified_chain() of 3.13
    gives bytes that the standard library cannot read. What stands beneath both is the same since 3.10.
    """
    try:
        chain = tls._sslobj.get_unverified_chain() or ()  # type: ignore[attr-defined]  # noqa: SLF001 see above
        return tuple(_certificate(each.get_info()) for each in chain[:_MOST_CERTIFICATES])
    except Exception:  # noqa: BLE001 whatever a Python lacks or a hostile date breaks, the fault itself is told
        return ()


def explain_certificate(error: UntrustedCertificateError, relay: Relay) -> str:
    """Return what is wrong with the certificate of `relay`, and what to do."""
    words = _TABLE.get(error.code, _otherwise)
    return f"certificate of {relay.host} {words(error, relay)}"


def _certificate(info: dict[str, Any]) -> Certificate:
    names = info.get("subjectAltName", ())
    return Certificate(
        _name(info.get("subject", ())),
        _name(info.get("issuer", ())),
        tuple(_short(name) for kind, name in names if kind in ("DNS", "IP Address")),
        datetime.fromtimestamp(ssl.cert_time_to_seconds(info["notBefore"]), UTC),
        datetime.fromtimestamp(ssl.cert_time_to_seconds(info["notAfter"]), UTC),
    )


def _name(name: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    """Return the part of a distinguished name by which people know it: the common name, else the last."""
    parts = dict(part for several in name for part in several)
    return _short(parts.get("commonName") or " ".join(list(parts.values())[-1:]) or "without a name")


def _short(name: str) -> str:
    return printable(name[:_LONGEST_NAME])


def _expired(error: UntrustedCertificateError, _relay: Relay) -> str:
    if not error.chain:
        return "has expired: it must be renewed on the server"
    old = [each for each in error.chain if each.not_after < error.when]
    if not old:
        return "rests on an authority that has expired: renew the CA file, or the system's own"
    date = old[0].not_after.date().isoformat()
    if old[0] is error.chain[0]:
        return f"expired on {date}: it must be renewed on the server"
    return f"rests on that of {old[0].subject}, which expired on {date}: the server must show a renewed chain"


def _not_yet_valid(error: UntrustedCertificateError, _relay: Relay) -> str:
    new = [each.not_before for each in error.chain if each.not_before > error.when]
    since = f"valid before {new[0]:%Y-%m-%d %H:%M} UTC" if new else "valid yet"
    return f"is not {since}: look at the clocks of both hosts"


def _wrong_name(error: UntrustedCertificateError, relay: Relay) -> str:
    wanted = f"is for another name than {relay.tls_name or relay.host}"
    if not error.chain:
        return f"{wanted}: use a host name that it holds ({error.words})"
    names = error.chain[0].names
    if not names:
        return f"{wanted}: it holds no host name at all, so it must be renewed on the server"
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    held = ", ".join(names[:_MOST_NAMES]) + more
    return f"{wanted}: it holds {held}; use one of them as the host, or name it as smtp_tls_name"


def _self_signed(_error: UntrustedCertificateError, _relay: Relay) -> str:
    return f"is not trusted: it is self-signed; {_IF_OWN}"


def _self_signed_authority(error: UntrustedCertificateError, _relay: Relay) -> str:
    name = f" {error.chain[-1].subject}" if error.chain else ""
    return f"is not trusted: its authority{name} is self-signed and unknown here; {_IF_OWN}"


def _unknown_authority(error: UntrustedCertificateError, _relay: Relay) -> str:
    name = f" {error.chain[-1].issuer}" if error.chain else ""
    known = "or the server does not show its whole chain"
    return f"is not trusted: its authority{name} is unknown here, {known}; {_IF_OWN}"


def _otherwise(error: UntrustedCertificateError, _relay: Relay) -> str:
    return f"is not trusted: {error.words}; {_IF_OWN}"


_TABLE: dict[int, Callable[[UntrustedCertificateError, Relay], str]] = {
    9: _not_yet_valid,
    10: _expired,
    18: _self_signed,
    19: _self_signed_authority,
    2: _unknown_authority,
    20: _unknown_authority,
    21: _unknown_authority,
    62: _wrong_name,
    64: _wrong_name,
}
"""By the X509_V_ERR_* codes of OpenSSL's x509_vfy.h."""
