"""Where the log goes: one line an event, on stderr, for a person or for whatever collects it."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from outbox.cli.log_lines import JournalLines, JsonLines, Lines

if TYPE_CHECKING:
    from collections.abc import Iterator

_FORMATS = {"console": Lines, "json": JsonLines, "journald": JournalLines}
AUTO = "auto"


@contextmanager
def logged_to_stderr(
    level: str, style: str = AUTO, *, addresses: bool = False, key: str | None = None
) -> Iterator[None]:
    """Show our events from `level` up, and what libraries say from WARNING up, in the form `style`.

    Addresses are shown with `addresses` only; with a `key` recipients have a tag in their place.
    """
    if style == AUTO:
        style = "journald" if _is_the_journal() else "console"
    handler = logging.StreamHandler()
    handler.setFormatter(_FORMATS[style](addresses=addresses, key=key))
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


def _is_the_journal() -> bool:
    """Tell whether stderr is the stream to the journal that systemd has named (systemd.exec(5))."""
    # A child may have inherited the name, and been given another stderr.
    with suppress(OSError, ValueError):
        there = os.fstat(sys.stderr.fileno())
        return os.environ.get("JOURNAL_STREAM") == f"{there.st_dev}:{there.st_ino}"
    return False
