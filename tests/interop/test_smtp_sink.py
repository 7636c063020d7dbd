"""Against smtp-sink in its fault modes: what it takes is identical, and every failure gets its verdict."""

import pytest

from outbox.delivery.dialler import Dialler
from outbox.delivery.relay import Pipelining
from tests.interop.conftest import StoresAll
from tests.support.assorted import assorted
from tests.support.sending import deliver, envelope, fault_of, kinds, relay_at
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
        (("-L",), "LMTP"),
        (("-L", "-p"), "LMTP without PIPELINING"),
    ],
)
def test_a_sink_that_takes_mail_stores_all_identical(
    flags: tuple[str, ...], mode: str, stores_all: StoresAll
) -> None:
    with SmtpSink(*flags) as sink:
        stores_all(sink, relay_at(sink.port, lmtp="-L" in flags), f"smtp-sink, {mode}")


@pytest.mark.interop
def test_a_sink_that_is_slow_to_the_dot_stores_all_identical(stores_all: StoresAll) -> None:
    with SmtpSink("-W", ".:1") as sink:
        relay = relay_at(sink.port, pipelining=Pipelining.MAIL)
        stores_all(sink, relay, "smtp-sink, slow to the dot, pipelining mail")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("-f", "MAIL"), ["Rejected", "Rejected", "Rejected"]),
        (("-f", "RCPT"), ["Rejected", "Rejected", "Rejected"]),
        (("-f", "DATA"), ["Rejected", "Rejected", "Rejected"]),
        (("-f", "."), ["Rejected", "Rejected", "Rejected"]),
        (("-r", "MAIL"), ["Deferred", "Deferred", "Deferred"]),
        (("-r", "RCPT"), ["Deferred", "Deferred", "Deferred"]),
        (("-r", "DATA"), ["Deferred", "Deferred", "Deferred"]),
        (("-r", "."), ["Deferred", "Deferred", "Deferred"]),
        # A connection that is gone says nothing of the mails behind.
        (("-q", "MAIL"), ["RelayFault", None, None]),
        (("-q", "RCPT"), ["Deferred", None, None]),
        (("-q", "DATA"), ["Deferred", None, None]),
        (("-q", "."), ["InDoubt", "Untouched", None]),
        (("-Q", "MAIL"), ["RelayFault", None, None]),
        (("-Q", "RCPT"), ["RelayFault", None, None]),
        (("-Q", "DATA"), ["RelayFault", None, None]),
        (("-Q", "."), ["Deferred", "Untouched", None]),
    ],
)
@pytest.mark.parametrize("lmtp", [False, True], ids=["smtp", "lmtp"])
def test_a_failing_sink_gets_one_verdict_on_each_mail(
    flags: tuple[str, ...], expected: list[str | None], *, lmtp: bool
) -> None:
    with SmtpSink(*flags, *(["-L"] if lmtp else [])) as sink:
        outcome = deliver(relay_at(sink.port, lmtp=lmtp), SMALL, SMALL, SMALL)
    # The envelope of the second rode behind the first one's dot; the third had not begun.
    said = [next(iter(kinds(verdicts)), None) for verdicts in outcome.verdicts]
    assert said == expected, outcome.verdicts


@pytest.mark.parametrize("size", [1, 1024 * 1024])
def test_a_sink_that_refuses_before_it_has_read_the_message_is_believed(size: int) -> None:
    with SmtpSink("-A", "0") as sink:
        outcome = deliver(relay_at(sink.port), envelope(body=b"Subject: x\r\n\r\n" + b"x\r\n" * size))
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [["Rejected"]], outcome.verdicts


def test_a_sink_that_answers_out_of_order_is_not_written_ahead_to_again() -> None:
    # Behind a delayed answer smtp-sink goes on with what it has read, and answers that first.
    with SmtpSink("-W", ".:1") as sink:
        dialler = Dialler(relay_at(sink.port))
        first = deliver(dialler, SMALL, SMALL, SMALL)
        again = deliver(dialler, SMALL, SMALL)
    assert [kinds(verdicts) for verdicts in first.verdicts] == [["InDoubt"], ["Untouched"], []], (
        first.verdicts
    )
    assert [kinds(verdicts) for verdicts in again.verdicts] == [["Sent"], ["Sent"]], again.verdicts


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
