"""Each transaction that a relay has touched is one span: ids, codes and counts, and nothing of the mail."""

import asyncio
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from outbox.delivery.relay import Relay
from outbox.mail.verdict import Answer, Deferred, InDoubt, Rejected, RelayFault, Sent, Untouched, Verdict
from outbox.worker.parcel import Parcel
from outbox.worker.spans import Spans
from tests.support.tracing import linked, traces
from tests.unit.worker.held import claim, parcel, run

CONTEXT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
RELAY = Relay(name="mx", host="mail.example", port=2525)
WORDS = "<ann@example.org>: no ann@example.org here"

SENT = Sent(Answer(250, "2.0.0", "queued for ann@example.org"), "4711")
DEFERRED = Deferred("RCPT TO", f"RCPT TO: 450 4.2.1 {WORDS}", Answer(450, "4.2.1", WORDS))
REJECTED = Rejected("RCPT TO", f"RCPT TO: 550 {WORDS}", Answer(550, None, WORDS))
DOUBT = InDoubt("end of data", "end of data: no answer for 600 s", None)
FAULT = RelayFault("MAIL FROM", f"MAIL FROM: 421 {WORDS}", Answer(421, "4.7.0", WORDS))
BROKEN = Deferred("", "unexpected ValueError in the daemon: 'ann@example.org'", None)
UNTOUCHED = Untouched("cut")

ALWAYS = {
    "server.address": "mail.example",
    "server.port": 2525,
    "network.protocol.name": "smtp",
    "outbox.relay": "mx",
    "outbox.message_id": "00000000-0000-0000-0000-000000000001",
    "outbox.stream": "default",
}


def begun(recipients: int) -> Parcel:
    one = parcel(*[claim(n) for n in range(1, recipients + 1)])
    one.begun_at = 2.0
    return one


def told(*verdicts: Verdict, context: str | None = None, spans: Spans | None = None) -> list[ReadableSpan]:
    traces().clear()

    async def work() -> None:
        await asyncio.sleep(5)
        (spans or Spans(RELAY)).ended(begun(len(verdicts)), context, verdicts)

    run(work())
    return list(traces().ours)


def test_a_mail_that_was_sent_is_a_span_without_an_error() -> None:
    (span,) = told(SENT, context=CONTEXT)
    assert (span.name, span.status.is_unset, linked(span)) == ("send mx", True, [CONTEXT])
    assert span.attributes == ALWAYS | {
        "outbox.recipients": 1,
        "outbox.sent": 1,
        "outbox.reply_code": 250,
        "outbox.enhanced_code": "2.0.0",
    }
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time - span.start_time == 3_000_000_000


@pytest.mark.parametrize(
    ("verdict", "description", "found"),
    [
        (
            DEFERRED,
            "deferred RCPT TO 450 4.2.1",
            {
                "error.type": "deferred",
                "outbox.stage": "RCPT TO",
                "outbox.reply_code": 450,
                "outbox.enhanced_code": "4.2.1",
            },
        ),
        (
            REJECTED,
            "rejected RCPT TO 550",
            {"error.type": "rejected", "outbox.stage": "RCPT TO", "outbox.reply_code": 550},
        ),
        (DOUBT, "in_doubt end of data", {"error.type": "in_doubt", "outbox.stage": "end of data"}),
        (
            FAULT,
            "relay_fault MAIL FROM 421 4.7.0",
            {
                "error.type": "relay_fault",
                "outbox.stage": "MAIL FROM",
                "outbox.reply_code": 421,
                "outbox.enhanced_code": "4.7.0",
            },
        ),
        (BROKEN, "deferred", {"error.type": "deferred"}),
    ],
)
def test_what_went_wrong_is_told_by_its_codes_alone(
    verdict: Verdict, description: str, found: dict[str, Any]
) -> None:
    (span,) = told(verdict)
    assert (span.status.is_ok, span.status.description) == (False, description)
    assert span.attributes == ALWAYS | {"outbox.recipients": 1, "outbox.sent": 0} | found
    assert "ann@" not in span.to_json()


def test_of_several_recipients_the_gravest_verdict_is_told() -> None:
    (span,) = told(SENT, DEFERRED, REJECTED, SENT, UNTOUCHED)
    assert span.attributes is not None
    assert span.attributes["error.type"] == "rejected"
    assert (span.attributes["outbox.recipients"], span.attributes["outbox.sent"]) == (4, 2)


def test_what_no_relay_has_touched_is_no_span() -> None:
    assert told(UNTOUCHED, UNTOUCHED) == []


def test_lmtp_is_named() -> None:
    (span,) = told(SENT, spans=Spans(Relay(name="mx", host="mail.example", port=24, lmtp=True)))
    assert span.attributes is not None
    assert span.attributes["network.protocol.name"] == "lmtp"


def test_a_provider_that_fails_is_told_once_and_hinders_nothing(caplog: pytest.LogCaptureFixture) -> None:
    spans = Spans(RELAY)
    asked = []

    class Broken:
        is_on = True

        def ended(self, *_: object, **__: object) -> None:
            asked.append(1)
            raise ZeroDivisionError("no exporter")

    broken: Any = Broken()
    spans._tracer = broken
    assert told(SENT, spans=spans) == []
    assert told(SENT, spans=spans) == []
    assert len(asked) == 1
    assert [record.getMessage() for record in caplog.records] == [
        "no spans are made any more, until a restart: ZeroDivisionError: no exporter"
    ]
