"""Streams: named lanes of mail, each with relays, a weight and a priority; a tenant may be one.

Whoever enqueues names a stream; what the name means is the daemon's to know. A name that it does not know
means what `default` means, in a lane of its own: so a new tenant needs no configuration, and has its share.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from outbox.errors import InvalidEmailError
from outbox.mail.rate import ANY, Limit

DEFAULT = "default"
"""The stream of mail that names none, and the meaning of every name that is not known."""

_NAME = re.compile(r"[!-~]{1,64}")


class Priority(StrEnum):
    """Who goes first where there is not room for all; each class is left a tenth, so that none starves."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Stream:
    """What a stream's name means: its relays in order, its share beside others of its class, its class.

    The first relay takes its mail, and each other one while those before it are down. The `limit` holds for
    each name by itself, also where several mean the same.
    """

    relays: tuple[str, ...] = ()
    weight: float = 1.0
    priority: Priority = Priority.NORMAL
    limit: Limit = ANY


@dataclass(frozen=True, slots=True)
class Streams:
    """All streams that are known by name."""

    known: Mapping[str, Stream] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that are known, and the one that means what no name does."""
        return tuple(dict.fromkeys([*self.known, DEFAULT]))

    def of(self, name: str) -> Stream:
        """Return what `name` means, known or not."""
        return self.known.get(name) or self.known.get(DEFAULT) or Stream()


def checked_stream(name: object) -> str:
    """Return the name of a stream: 1 to 64 printable characters of ASCII, without a space."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidEmailError(
            "stream",
            name,
            "is no name of a stream",
            "Give 1 to 64 printable ASCII characters without a space, such as bulk or tenant-42.",
        )
    return name
