"""Against smtp-sink in its fault modes: what it takes is identical, and every failure gets its verdict."""

import pytest

from tests.interop.conftest import StoresAll
from tests.support.assorted import assorted
from tests.support.sending import deliver, fault_of, kinds, relay_at
from tests.support.smtp_sink import SmtpSink

SMALL = assorted()[0]


@pytest.mark.parametrize(
    ("flags", "mode"),
    [
        ((), "plain"),
        (("-p",), "no PIPELINING"),
        (("-e",), "no ESMTP: HELO"),
        (("-P",), "behind a PIX"),
        (("-8", "-E", "-N"), "no 8BITMIME, enhanced codes, DSN"),
        (("-f", "EHLO"), "EHLO refused"),
        (("-f", "RSET,QUIT"), "RSET and QUIT refused"),
        (("-q", "RSET,QUIT"), "RSET and QUIT unanswered"),
        (("-W", "EHLO:1"), "slow to EHLO"),
        (("-T", "4096"), "a window of 4 KB"),
        pytest.param(("-H", "1", "-T", "4096"), "reads late", marks=pytest.mark.interop),
        pytest.param(("-W", ".:1"), "slow to the dot", marks=pytest.mark.interop),
    ],
)
def test_a_sink_that_takes_mail_stores_all_identical(
    flags: tuple[str, ...], mode: str, stores_all: StoresAll
) -> None:
    with SmtpSink(*flags) as sink:
        stores_all(sink, relay_at(sink.port), f"smtp-sink, {mode}")


@pytest.mark.parametrize(
    ("flags", "first", "then"),
    [
        (("-f", "MAIL"), "Rejected", "Rejected"),
        (("-f", "RCPT"), "Rejected", "Rejected"),
        (("-f", "DATA"), "Rejected", "Rejected"),
        (("-f", "."), "Rejected", "Rejected"),
        (("-r", "MAIL"), "Deferred", "Deferred"),
        (("-r", "RCPT"), "Deferred", "Deferred"),
        (("-r", "DATA"), "Deferred", "Deferred"),
        (("-r", "."), "Deferred", "Deferred"),
        # A connection that was cut before a dot says nothing of the mails that it did not come to.
        (("-q", "MAIL"), "RelayFault", "Untouched"),
        (("-q", "RCPT"), "Deferred", "Untouched"),
        (("-q", "DATA"), "Deferred", "Untouched"),
        (("-q", "."), "InDoubt", "Untouched"),
        (("-Q", "MAIL"), "RelayFault", "Untouched"),
        (("-Q", "RCPT"), "RelayFault", "Untouched"),
        (("-Q", "DATA"), "RelayFault", "Untouched"),
        (("-Q", "."), "Deferred", "Untouched"),
        (("-A", "0"), "Rejected", "Untouched"),
    ],
)
def test_a_failing_sink_gets_one_verdict_on_each_mail(flags: tuple[str, ...], first: str, then: str) -> None:
    with SmtpSink(*flags) as sink:
        outcome = deliver(relay_at(sink.port), SMALL, SMALL, SMALL)
    assert [[first], [then], [then]] == [kinds(verdicts) for verdicts in outcome.verdicts], outcome.verdicts


@pytest.mark.parametrize(
    ("flags", "stage", "words"),
    [
        (("-f", "CONNECT"), "greeting", "500 5.3.0"),
        (("-r", "CONNECT"), "greeting", "450 4.3.0"),
        (("-q", "CONNECT"), "greeting", "the server closed the connection"),
        (("-Q", "CONNECT"), "greeting", "421 4.0.0"),
        (("-r", "EHLO"), "EHLO", "450 4.3.0"),
        (("-Q", "EHLO"), "EHLO", "421 4.0.0"),
        (("-f", "EHLO,HELO"), "HELO", "500 5.3.0"),
    ],
)
def test_a_sink_that_lets_nobody_in_is_a_fault_of_the_relay(
    flags: tuple[str, ...], stage: str, words: str
) -> None:
    with SmtpSink(*flags) as sink:
        fault = fault_of(relay_at(sink.port))
    assert (stage, True) == (fault.stage, words in fault.reason), fault
