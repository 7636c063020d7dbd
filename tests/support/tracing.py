"""A provider of tracers for the whole process, as applications have one, and the spans that it was told."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

SCOPE = "outbox"


class Traces:
    """What has been told, in its order."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        # A process has one, for good.
        trace.set_tracer_provider(provider)

    def clear(self) -> None:
        """Forget it all."""
        self._exporter.clear()

    @property
    def ours(self) -> Sequence[ReadableSpan]:
        """The spans of the outbox."""
        spans = self._exporter.get_finished_spans()
        return [
            span for span in spans if span.instrumentation_scope and span.instrumentation_scope.name == SCOPE
        ]


@cache
def traces() -> Traces:
    """Return what this process traces by, from the first call on."""
    return Traces()


@contextmanager
def page() -> Iterator[str]:
    """Be within the span of a page that somebody asks for; give its context as W3C writes it."""
    traces()
    with trace.get_tracer("shop").start_as_current_span("GET /order") as span:
        yield written(span)


def written(span: trace.Span) -> str:
    """Return the context of a span as W3C Trace Context writes it."""
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def linked(span: ReadableSpan) -> list[str]:
    """Return the contexts that a span is linked to."""
    return [
        f"00-{link.context.trace_id:032x}-{link.context.span_id:016x}-{link.context.trace_flags:02x}"
        for link in span.links
    ]
