"""A fault with a usual cause names the setting to look at; any other is told as it is."""

from dataclasses import replace

import pytest

from outbox.delivery.hint import hinted, waiting
from outbox.delivery.relay import Relay, TlsMode
from outbox.mail.verdict import Answer, RelayFault
from outbox.smtp.stage import Stage

RELAY = Relay(name="main", host="mail.example", port=587)
CLEAR = replace(RELAY, tls=TlsMode.NONE)
IMPLICIT = replace(RELAY, tls=TlsMode.IMPLICIT)


def fault(stage: Stage, problem: str, code: int = 0) -> RelayFault:
    """Return the fault of a relay."""
    return RelayFault(stage.value, f"{stage}: {problem}", Answer(code, None, problem) if code else None)


@pytest.mark.parametrize(
    ("relay", "met", "setting"),
    [
        (replace(RELAY, lmtp=True), fault(Stage.EHLO, "unknown command", 500), "smtp_protocol = smtp"),
        (CLEAR, fault(Stage.MAIL_FROM, "Must issue a STARTTLS command first", 530), "smtp_tls = starttls"),
        (CLEAR, fault(Stage.MAIL_FROM, "Encryption required for authentication", 530), "smtp_tls = starttls"),
        (RELAY, fault(Stage.MAIL_FROM, "Authentication required", 530), "smtp_username"),
        (replace(RELAY, username="me"), fault(Stage.AUTH, "bad credentials", 535), "smtp_username"),
        (RELAY, fault(Stage.GREETING, "not an SMTP reply: 'HTTP/1.1 400'"), "smtp_port"),
        (CLEAR, fault(Stage.GREETING, "no answer within 300 seconds"), "smtp_tls = implicit"),
        (RELAY, fault(Stage.GREETING, "the server closed the connection"), "smtp_tls = implicit"),
        (IMPLICIT, fault(Stage.TLS, "no answer within 30 seconds"), "smtp_tls = starttls"),
        (IMPLICIT, fault(Stage.EHLO, "the server closed the connection"), "smtp_client_cert"),
    ],
)
def test_a_usual_cause_names_its_setting(relay: Relay, met: RelayFault, setting: str) -> None:
    words = hinted(met, relay)
    assert words.startswith(f"{met.reason} (")
    assert setting in words


@pytest.mark.parametrize(
    ("relay", "met"),
    [
        (RELAY, fault(Stage.EHLO, "unknown command", 500)),
        (replace(RELAY, username="me"), fault(Stage.MAIL_FROM, "Authentication required", 530)),
        (IMPLICIT, fault(Stage.GREETING, "no answer within 300 seconds")),
        (RELAY, fault(Stage.TLS, "no answer within 30 seconds")),
        (replace(RELAY, tls=TlsMode.OPPORTUNISTIC), fault(Stage.MAIL_FROM, "TLS required", 530)),
        (RELAY, fault(Stage.MAIL_FROM, "try again", 451)),
    ],
)
def test_any_other_fault_is_told_as_it_is(relay: Relay, met: RelayFault) -> None:
    assert met.reason == hinted(met, relay)


def test_a_long_wait_is_told_with_its_stage_and_its_usual_cause() -> None:
    words = waiting(Stage.GREETING, 10, CLEAR)
    assert words == (
        "relay main: greeting: no answer for 10 seconds, still waiting "
        "(if this port speaks TLS at once, say smtp_tls = implicit)"
    )
