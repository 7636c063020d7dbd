"""The instants that options name."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from outbox.mail.duration import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable


class Instant(click.ParamType[datetime]):
    """An instant as `read` takes it from a text, which raises ValueError for another; `hint` says which."""

    def __init__(self, name: str, read: Callable[[str], datetime], hint: str) -> None:
        self.name = name
        self._read = read
        self._hint = hint

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the instant; end the command where it is none."""
        try:
            return self._read(value)
        except ValueError:
            self.fail(f"{value!r} is no instant. Give one like {self._hint}.", param, ctx)


def _with_zone(value: str) -> datetime:
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError(value)
    return found


def _past(value: str) -> datetime:
    with suppress(ValueError):
        return datetime.now(UTC) - timedelta(seconds=parse_duration(value))
    found = datetime.fromisoformat(value)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


EXACT = Instant("ISO8601", _with_zone, "2030-01-31T09:00:00+01:00, with its time zone")
"""ISO 8601 with a zone, as what a mail is to wait for must mean the same everywhere."""

PAST = Instant("when", _past, "2030-01-31T09:00:00+01:00, or how long ago: 45m, 2h, 3d")
"""ISO 8601, in UTC where it has no zone, or how long ago it was, such as 2h."""
