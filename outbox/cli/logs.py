"""Where the log goes: one line an event, on stderr, for a person or for whatever collects it."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING

from outbox.smtp.reply import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

_FORMAT = "%(asctime)s %(levelname)-7s %(message)s"
_TIME = "%Y-%m-%d %H:%M:%S%z"


class _Lines(logging.Formatter):
    """One event, one line: what relays and drivers say may neither break it nor move a cursor."""

    def format(self, record: logging.LogRecord) -> str:
        """Return what is written for `record`."""
        record = copy(record)
        # Another handler's traceback is kept in the record, and it is not escaped.
        record.exc_text = None
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line of `record`."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802 - logging's name
        """Return the traceback, whose own line ends stay."""
        text = super().formatException(ei)  # type: ignore[arg-type] # its type is private to typeshed
        return "\n".join(map(printable, text.splitlines()))


@contextmanager
def logged_to_stderr(level: str) -> Iterator[None]:
    """Show our events from `level` up, and what libraries say from WARNING up."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines(_FORMAT, _TIME))
    root, ours = logging.getLogger(), logging.getLogger("outbox")
    before = ours.level
    root.addHandler(handler)
    show_from(level)
    # Both tell every step at INFO, which would bury our own events where an embedder lets INFO pass.
    # The scheduler warns of a duty that takes longer than its interval: the next one makes up for it.
    for chatty, least in (("alembic", logging.WARNING), ("apscheduler", logging.ERROR)):
        logging.getLogger(chatty).setLevel(least)
    try:
        yield
    finally:
        root.removeHandler(handler)
        ours.setLevel(before)


def show_from(level: str) -> None:
    """Show our events from another level up."""
    logging.getLogger("outbox").setLevel(level)
