"""What a journal says: one line each of a daemon's steps with a delivery that it holds under a fence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

    from outbox.mail.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Key:
    """One claim of one recipient: in all databases and for ever nothing else has this name.

    Not the id of the delivery: a database that was restored may give that to another mail.
    """

    message_id: UUID
    n: int
    fence: int
    text: str = field(init=False, repr=False, compare=False)
    """As it stands in a line, thrice for each mail."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", f"{self.message_id.hex}.{self.n}.{self.fence}")


@dataclass(frozen=True, slots=True)
class Header:
    """The first line: whose steps these are.

    `relay` is the one that they go by where they name no other.
    `boot` names the run of the host's kernel: what a daemon wrote outlives its process, but not a power cut.
    `whole` says that every step of the session is here; where it is not, what is missing may have happened.
    """

    session: UUID
    host: str
    boot: str
    relay: str
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
