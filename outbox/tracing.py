"""Tracing by OpenTelemetry: the context in which a mail is enqueued, and spans of what became of it.

Nothing here loads OpenTelemetry: who traces has loaded it, and nobody else waits or pays for it. A context is
kept as the header `traceparent` of W3C Trace Context has it: `00-<trace id>-<span id>-<flags>`.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from outbox._version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry import trace

LENGTH = 55
"""Characters of a context; the column takes no more."""

_API = "opentelemetry.trace"


def traceparent() -> str | None:
    """Return the context of the caller's current span, None where there is none."""
    if _API not in sys.modules:
        return None
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 - it is there already, or nobody traces
        TraceContextTextMapPropagator,
    )

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    written = carrier.get("traceparent")
    # A tracer that writes it otherwise must not keep a mail from its table.
    return written if written is not None and len(written) == LENGTH else None


class Tracer:
    """Tells of what we did at a server as spans, once the process has a provider of tracers."""

    def __init__(self) -> None:
        self._tracer: trace.Tracer | None = None

    @property
    def is_on(self) -> bool:
        """Whether anybody wants spans."""
        if self._tracer is None and _API in sys.modules:
            from opentelemetry import trace  # noqa: PLC0415 - as above

            provider = trace.get_tracer_provider()
            if not isinstance(provider, trace.ProxyTracerProvider):
                self._tracer = provider.get_tracer("outbox", __version__)
        return self._tracer is not None

    def ended(
        self,
        name: str,
        seconds: float,
        attributes: Mapping[str, str | int],
        *,
        because: str | None,
        error: str | None,
    ) -> None:
        """Tell of what has just ended and took so many `seconds`; `error` says what went wrong.

        It is no part of a trace that is there, but linked to the context `because` of which it was done,
        unless that is None or none.
        """
        if self._tracer is None:
            return
        from opentelemetry import trace  # noqa: PLC0415 - as above
        from opentelemetry.context import Context  # noqa: PLC0415 - as above

        now = time.time_ns()
        span = self._tracer.start_span(
            name,
            # Not that of this thread, which may be the one in which somebody has started the daemon.
            context=Context(),
            kind=trace.SpanKind.CLIENT,
            attributes=attributes,
            links=_links(because),
            start_time=now - int(seconds * 1e9),
        )
        if error is not None:
            span.set_status(trace.StatusCode.ERROR, error)
        span.end(now)


def _links(because: str | None) -> list[trace.Link]:
    # By hand anything may stand there, and only the propagator should have to read it.
    if because is None or len(because) != LENGTH:
        return []
    from opentelemetry import trace  # noqa: PLC0415 - as above
    from opentelemetry.context import Context  # noqa: PLC0415 - as above
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 - as above
        TraceContextTextMapPropagator,
    )

    read = TraceContextTextMapPropagator().extract({"traceparent": because}, Context())
    context = trace.get_current_span(read).get_span_context()
    return [trace.Link(context)] if context.is_valid else []
