"""The forms in which the log is written: for a person, for a program, for systemd's journal."""

from __future__ import annotations

import hmac
import json
import logging
from copy import copy
from datetime import UTC, datetime
from typing import Any

from outbox.events.record import Mailbox, Words, without_addresses
from outbox.smtp.reply import printable

_MOST = 512
"""Bytes of what others say in one line, as JSON writes them."""

_TAG = 16
"""Hex digits of a tag: among a million addresses two share one with a chance of 1 in 37 million."""

_CONSOLE = "%(asctime)s %(levelname)-7s %(message)s"
_TIME = "%Y-%m-%d %H:%M:%S%z"

# sd-daemon(3): what stands before a line is its priority.
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG = 7


class Lines(logging.Formatter):
    """One event, one line: what relays and drivers say may neither break it nor move a cursor.

    Without `addresses` it shows none, whoever has logged it; with a `key` recipients have a tag instead.
    """

    def __init__(self, *, addresses: bool, key: str | None = None) -> None:
        super().__init__(_CONSOLE, _TIME)
        self._addresses = addresses
        self._key = key

    def format(self, record: logging.LogRecord) -> str:
        """Return what is written for `record`."""
        record = copy(record)
        # Another handler's traceback is kept in the record, and it is not escaped.
        record.exc_text = None
        if isinstance(record.args, dict):
            record.args = {name: self._said(value) for name, value in record.args.items()}
        elif isinstance(record.args, tuple):
            record.args = tuple(map(self._said, record.args))
        if _fields(record) is None and not self._addresses:
            # A library's: it knows nothing of what must not be shown.
            record.msg, record.args = without_addresses(record.getMessage()), None
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line of `record`."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802 - logging's name
        """Return the traceback, whose own line ends stay."""
        text = super().formatException(ei)  # type: ignore[arg-type] # its type is private to typeshed
        text = text if self._addresses else without_addresses(text)
        return "\n".join(_bounded(printable(line)) for line in text.splitlines())

    def _said(self, value: Any) -> Any:
        """Return a field, of what others say as much as may be shown."""
        if not isinstance(value, Words):
            return value
        if isinstance(value, Mailbox) and self._key and not self._addresses and value != value.whole:
            return f"<address:{tag(value.whole, self._key)}>"
        return _bounded(printable(value.whole if self._addresses else value))


class JournalLines(Lines):
    """The name of the event and its sentence, each line with its priority; the journal knows the time."""

    def format(self, record: logging.LogRecord) -> str:
        """Return what is written for `record`."""
        priority = next((number for level, number in _PRIORITIES if record.levelno >= level), _DEBUG)
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line of `record`, without its priority."""
        return printable(f"{_name(record)}: {record.message}")


class JsonLines(Lines):
    """One object a line: time, level, event (or the logger of a library), message and the event's fields."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the sentence alone."""
        return printable(record.message)

    def format(self, record: logging.LogRecord) -> str:
        """Return what is written for `record`."""
        # Its traceback would be behind the sentence.
        bare = copy(record)
        bare.exc_info = bare.stack_info = None
        fields = _fields(record) or {}
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "event" if fields else "logger": _name(record),
            "message": super().format(bare),
            **{name: _plain(self._said(value)) for name, value in fields.items() if name != "event"},
        }
        if record.exc_info and record.exc_info[0]:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def tag(address: str, key: str) -> str:
    """Return what stands for an address in logs of this `key`: the same for Ada@… and ada@…."""
    return hmac.digest(key.encode(), address.lower().encode(), "sha256").hex()[:_TAG]


def _fields(record: logging.LogRecord) -> dict[str, Any] | None:
    """Return the name and the fields of an event of ours; None of anything else."""
    fields = getattr(record, "outbox", None)
    return fields if isinstance(fields, dict) else None


def _name(record: logging.LogRecord) -> str:
    fields = _fields(record)
    return str(fields["event"]) if fields else record.name


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | None) else printable(str(value))


def _bounded(text: str) -> str:
    while (over := len(json.dumps(text)) - 2 - _MOST) > 0:
        # An escape has at most twelve bytes, so this comes down quickly and cuts no more than it has to.
        text = text[: -max(1, over // 12)]
    return text
