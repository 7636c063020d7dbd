"""What a journal says: one line each of a daemon's steps with a delivery that it holds under a fence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from uuid import UUID

    from outbox.mail.verdict import Verdict


def name_of(message_id: UUID, n: int, fence: int) -> str:
    """Return how a line names one claim of one recipient."""
    return f"{message_id.hex}.{n}.{fence}"


class Key(NamedTuple):
    """One claim of one recipient, in all databases; only one that went back gives the same fence again.

    Not the id of the delivery: a database that was restored may give that to another mail.
    """

    message_id: UUID
    n: int
    fence: int


@dataclass(frozen=True, slots=True)
class Header:
    """The first line: whose steps these are.

    `relay` is the one that they go by where they name no other.
    `boot` names the run of the host's kernel: what a daemon wrote outlives its process, but not a power cut.
    `database` is the id of the database, and `epoch` how often it was known to have gone back in time.
    `whole` says that every step of the session is here; where it is not, what is missing may have happened.
    """

    session: UUID
    host: str
    boot: str
    relay: str
    database: str = ""
    epoch: int = 0
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Begun:
    """A sender takes these in hand: no byte of them has gone out yet. `relay` is None for the header's."""

    keys: tuple[Key, ...]
    relay: str | None = None


@dataclass(frozen=True, slots=True)
class Dotted:
    """The final dot of these goes out now."""

    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """The sending of these has ended so; of the relay's words only the codes and its queue id are kept."""

    keys: tuple[Key, ...]
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What became of these is in the database."""

    keys: tuple[Key, ...]


Record = Begun | Dotted | Answered | Known
