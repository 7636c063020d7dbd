"""Every fault of the network is told in words that a person can act on."""

import errno
import socket
import ssl
from dataclasses import replace

import pytest

from outbox.delivery.relay import Relay, TlsMode
from outbox.delivery.trouble import ConnectionEndedError, explain
from outbox.smtp.stage import Stage

RELAY = Relay(name="main", host="mail.example", port=587)


def certificate_fault(code: int) -> ssl.SSLCertVerificationError:
    """Return what OpenSSL raises for a certificate, without OpenSSL."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    error.verify_message = "words of OpenSSL"
    return error


@pytest.mark.parametrize(
    ("error", "stage", "expected"),
    [
        (certificate_fault(10), Stage.TLS, "certificate of mail.example has expired"),
        (certificate_fault(9), Stage.TLS, "certificate of mail.example is not valid yet"),
        (certificate_fault(62), Stage.TLS, "certificate of mail.example is for another name"),
        (certificate_fault(18), Stage.TLS, "certificate of mail.example is not trusted: it is self-signed"),
        (certificate_fault(99), Stage.TLS, "certificate of mail.example is not trusted: words of OpenSSL"),
        (socket.gaierror(-2, "Name or service not known"), Stage.CONNECT, "the name mail.example cannot be"),
        (TimeoutError(), Stage.END_OF_DATA, "no answer within 600 seconds"),
        (ConnectionRefusedError(), Stage.CONNECT, "nothing answers at mail.example:587"),
        (ConnectionEndedError(), Stage.GREETING, "the server closed the connection"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), Stage.DATA, "the connection was cut: reset"),
        (OSError("unreachable"), Stage.CONNECT, "mail.example:587 cannot be reached: unreachable"),
        (UnicodeError("label too long"), Stage.CONNECT, "'mail.example' is not a host name"),
        (RuntimeError("bug"), Stage.DATA, "RuntimeError: bug"),
    ],
)
def test_a_fault_is_told_in_words(error: BaseException, stage: Stage, expected: str) -> None:
    assert explain(error, RELAY, stage).startswith(expected)


def test_a_port_that_speaks_the_other_tls_is_hinted_at() -> None:
    silent = replace(RELAY, port=465)
    assert "tls = implicit" in explain(TimeoutError(), silent, Stage.GREETING)
    wrong = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER]")
    wrong.reason = "WRONG_VERSION_NUMBER"
    assert "tls = starttls" in explain(wrong, replace(RELAY, tls=TlsMode.IMPLICIT), Stage.TLS)
