"""What a daemon says of the page for its metrics."""

import logging

from outbox.events.record import cause, log


def metrics_served(host: str, port: int) -> None:
    """Say where the metrics are."""
    log(
        logging.INFO,
        "metrics_served",
        "metrics and health are served on port %(port)d of %(host)s: /metrics, /healthz, /readyz",
        host=host,
        port=port,
    )


def metrics_failed(error: BaseException) -> None:
    """Say that a request for metrics met a fault of this program; mail goes on."""
    log(
        logging.ERROR,
        "metrics_failed",
        "a request for metrics failed: %(kind)s: %(reason)s",
        kind=type(error).__name__,
        reason=cause(error),
    )


def depth_unread(error: BaseException) -> None:
    """Say that the depth of the queue could not be read; told once, until it is read again."""
    log(
        logging.WARNING,
        "depth_unread",
        "the depth of the queue could not be read for the metrics: %(reason)s",
        reason=cause(error),
    )
