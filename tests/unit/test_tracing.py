"""Whoever traces gets contexts and spans, and nobody else loads OpenTelemetry or waits for it."""

import subprocess
import sys
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan

from outbox.tracing import Tracer, _links, traceparent
from tests.support.tracing import linked, page, traces

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def told(because: str | None, error: str | None = None) -> ReadableSpan:
    traces().clear()
    tracer = Tracer()
    assert tracer.is_on
    tracer.ended("send mx", 1.5, {"outbox.relay": "mx"}, because=because, error=error)
    (span,) = traces().ours
    return span


def test_who_does_not_trace_has_no_context_and_loads_nothing() -> None:
    code = (
        "import sys, outbox\n"
        "mail = outbox.Outbox(sender='a@example.org').prepare({'to': 'b@example.org', 'text': 'Hello.'})\n"
        "from outbox.tracing import Tracer\n"
        "is_on = Tracer().is_on\n"
        "print(mail.new.traceparent, is_on, [name for name in sys.modules if 'opentelemetry' in name])"
    )
    assert run(code) == "None False []"


def test_a_library_that_loads_the_api_makes_nobody_trace() -> None:
    code = (
        "import opentelemetry.trace\n"
        "from outbox.tracing import Tracer, traceparent\n"
        "print(traceparent(), Tracer().is_on)"
    )
    assert run(code) == "None False"


def test_a_provider_that_comes_later_is_found() -> None:
    code = (
        "from outbox.tracing import Tracer\n"
        "tracer = Tracer()\n"
        "before = tracer.is_on\n"
        "from opentelemetry import trace\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "between = tracer.is_on\n"
        "trace.set_tracer_provider(TracerProvider())\n"
        "print(before, between, tracer.is_on)"
    )
    assert run(code) == "False False True"


def test_the_context_is_that_of_the_current_span() -> None:
    assert traceparent() is None
    with page() as current:
        assert traceparent() == current
        assert len(current) == 55
    assert traceparent() is None


def test_a_context_that_does_not_fit_its_column_is_none() -> None:
    odd = trace.SpanContext(
        int(TRACE, 16), int(SPAN, 16), is_remote=False, trace_flags=trace.TraceFlags(0x101)
    )
    with trace.use_span(trace.NonRecordingSpan(odd)):
        assert traceparent() is None


def test_a_span_is_of_no_trace_that_is_there_but_linked_to_its_cause() -> None:
    with page() as current:
        span = told(GOOD)
    assert (span.parent, span.kind, linked(span)) == (None, trace.SpanKind.CLIENT, [GOOD])
    assert span.context.trace_id not in {int(TRACE, 16), int(current.split("-")[1], 16)}
    assert span.status.is_unset
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time - span.start_time == 1_500_000_000


def test_a_span_says_what_went_wrong() -> None:
    status = told(None, "deferred RCPT TO 450").status
    assert (status.status_code, status.description) == (trace.StatusCode.ERROR, "deferred RCPT TO 450")


@pytest.mark.parametrize(
    "odd",
    [
        None,
        "",
        "x" * 55,
        "\0" * 55,
        "0" * 55,
        GOOD.upper(),
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"{GOOD}-and-more",
        f" {GOOD}",
        GOOD[:-1],
        f"{GOOD[:-1]}\n",
        f"00-{TRACE}-{SPAN}-\u0661\u0661",  # digits, too
        f"{GOOD}{'-' * 100_000}",
    ],
)
def test_what_is_no_context_is_no_link(odd: Any) -> None:
    assert _links(odd) == []
    assert linked(told(odd)) == []


def test_a_context_of_a_later_level_is_read_by_what_this_one_knows() -> None:
    # W3C Trace Context, 3.2.2: a higher version is parsed as this one.
    assert linked(told(f"cc-{TRACE}-{SPAN}-01")) == [GOOD]
