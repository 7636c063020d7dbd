"""Every fault of the network is told in words that a person can act on."""

import errno
import socket
import ssl
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from outbox.delivery.certificate import UntrustedCertificateError
from outbox.delivery.relay import Relay, TlsMode
from outbox.delivery.tls import ClientCertificateError
from outbox.delivery.trouble import ConnectionEndedError, explain
from outbox.smtp.stage import Stage

RELAY = Relay(name="main", host="mail.example", port=587)


def certificate_fault(code: int) -> UntrustedCertificateError:
    """Return a fault of a certificate that could not be read."""
    return UntrustedCertificateError(code, "words of OpenSSL", (), datetime(2026, 11, 20, tzinfo=UTC))


def tls_fault(reason: str) -> ssl.SSLError:
    """Return what OpenSSL raises under this name, without OpenSSL."""
    error = ssl.SSLError(1, f"[SSL: {reason}]")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "stage", "expected"),
    [
        (certificate_fault(10), Stage.TLS, "certificate of mail.example has expired"),
        (certificate_fault(9), Stage.TLS, "certificate of mail.example is not valid yet"),
        (certificate_fault(62), Stage.TLS, "certificate of mail.example is for another name"),
        (certificate_fault(18), Stage.TLS, "certificate of mail.example is not trusted: it is self-signed"),
        (certificate_fault(99), Stage.TLS, "certificate of mail.example is not trusted: words of OpenSSL"),
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            Stage.CONNECT,
            "the name mail.example cannot be resolved: Name or service not known; look for a slip in it",
        ),
        (
            socket.gaierror(socket.EAI_AGAIN, "Temporary failure"),
            Stage.CONNECT,
            "the name mail.example cannot be resolved: Temporary failure; look at this host's resolver",
        ),
        (TimeoutError(), Stage.END_OF_DATA, "no answer within 600 seconds"),
        (
            ConnectionRefusedError(),
            Stage.CONNECT,
            "mail.example:587 refuses connections: is the server running, and smtp_port right?",
        ),
        (ConnectionEndedError(), Stage.GREETING, "the server closed the connection"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), Stage.DATA, "the connection was cut: reset"),
        (OSError("unreachable"), Stage.CONNECT, "mail.example:587 cannot be reached: unreachable"),
        (UnicodeError("label too long"), Stage.CONNECT, "'mail.example' is not a host name"),
        (ClientCertificateError("no key"), Stage.TLS, "no key"),
        (RuntimeError("bug"), Stage.DATA, "RuntimeError: bug"),
    ],
)
def test_a_fault_is_told_in_words(error: BaseException, stage: Stage, expected: str) -> None:
    assert explain(error, RELAY, stage).startswith(expected)


def test_a_port_that_speaks_the_other_tls_is_hinted_at() -> None:
    wrong = tls_fault("WRONG_VERSION_NUMBER")
    assert "tls = starttls" in explain(wrong, replace(RELAY, tls=TlsMode.IMPLICIT), Stage.TLS)
    assert "although it agreed to STARTTLS" in explain(wrong, RELAY, Stage.TLS)


OURS = replace(RELAY, client_cert=Path("our.pem"))
TOO_OLD = "mail.example:587 speaks no TLS 1.2 that is safe: the server must be brought up to date"
DEMANDED = "the server demands a client certificate: give it one (smtp_client_cert)"


@pytest.mark.parametrize(
    ("reason", "relay", "expected"),
    [
        ("TLSV1_ALERT_PROTOCOL_VERSION", RELAY, TOO_OLD),
        ("UNSUPPORTED_PROTOCOL", RELAY, TOO_OLD),
        ("TLSV1_ALERT_INSUFFICIENT_SECURITY", RELAY, TOO_OLD),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", RELAY, DEMANDED),
        ("SSLV3_ALERT_BAD_CERTIFICATE", RELAY, DEMANDED),
        (
            "TLSV1_ALERT_UNKNOWN_CA",
            OURS,
            "the server does not accept our client certificate our.pem: unknown ca",
        ),
        (
            "SSLV3_ALERT_CERTIFICATE_EXPIRED",
            OURS,
            "the server does not accept our client certificate our.pem: certificate expired",
        ),
        (
            "SSLV3_ALERT_HANDSHAKE_FAILURE",
            RELAY,
            (
                "the server refuses the handshake: it may demand a client certificate "
                "(smtp_client_cert), or share no cipher with us"
            ),
        ),
        (
            "SSLV3_ALERT_HANDSHAKE_FAILURE",
            OURS,
            (
                "the server refuses the handshake: it may not accept our client certificate "
                "(smtp_client_cert), or share no cipher with us"
            ),
        ),
        ("TLSV1_ALERT_INTERNAL_ERROR", RELAY, "TLS failed: TLSV1_ALERT_INTERNAL_ERROR"),
    ],
)
def test_an_alert_is_told_in_words(reason: str, relay: Relay, expected: str) -> None:
    assert expected == explain(tls_fault(reason), relay, Stage.TLS)


def test_a_name_that_tls_cannot_check_is_named() -> None:
    pinned = replace(RELAY, tls_name=".example")
    assert explain(ValueError("dot"), pinned, Stage.TLS) == "'.example' is not a host name"
    assert explain(ValueError("dot"), pinned, Stage.CONNECT) == "'mail.example' is not a host name"


@pytest.mark.parametrize("error", [OSError("\x1b[2J" * 5000), RuntimeError("\x1b[2J" * 5000)])
def test_what_is_told_is_printable_and_short(error: Exception) -> None:
    told = explain(error, RELAY, Stage.DATA)
    assert told.isprintable()
    assert len(told) == 512
