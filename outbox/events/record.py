"""Write an event as one record of the log `outbox`, with its fields, and foreign words without addresses."""

from __future__ import annotations

import logging
import re
from typing import Self

logger = logging.getLogger("outbox")
_SHOWN = 300
_MARK = "<address>"
_ADDRESS = re.compile(r"""<?(?:"[^"\n]*"|[^\s<>@"]+)@[^\s<>@"']+>?""")


class Words(str):
    """What somebody else has said, without the addresses in it; `whole` is what they said.

    Whoever only formats a record shows no address; who was asked for them finds them here.
    """

    __slots__ = ("whole",)
    whole: str

    def __new__(cls, shown: str, whole: str) -> Self:
        """Return `shown`, which stands for `whole`."""
        words = super().__new__(cls, shown)
        words.whole = whole
        return words

    def __reduce__(self) -> tuple[type[Words], tuple[str, str]]:
        """Let a record travel to another process."""
        return type(self), (str(self), self.whole)


class Mailbox(Words):
    """The address of somebody, and nothing else; `whole` is the mark, too, where nobody knows it."""

    __slots__ = ()


def log(level: int, event: str, sentence: str, **fields: object) -> None:
    """Log the event of this name; `sentence` names its fields as `%(field)s`."""
    # logging takes a mapping as named arguments only when there is something in it.
    arguments = (fields,) if fields else ()
    logger.log(level, sentence, *arguments, extra={"outbox": {"event": event, **fields}})


def cause(error: BaseException) -> Words:
    """Return the driver's own words, without the statement and its parameters, which hold mail."""
    original = getattr(error, "orig", None) or error
    # PostgreSQL adds the failing row as a detail; its first line says what happened.
    return short(str(getattr(getattr(original, "diag", None), "message_primary", None) or original))


def short(text: str) -> Words:
    """Return `text` on one line, bounded, and without the addresses that relays like to repeat."""
    line = " ".join(text.split())
    return Words(without_addresses(line)[:_SHOWN], line[:_SHOWN])


def without_addresses(text: str) -> str:
    """Return `text` with a mark in place of each address."""
    return _ADDRESS.sub(_MARK, text)


def mailbox(address: str | None) -> Mailbox:
    """Return the mark that stands for `address`."""
    return Mailbox(_MARK, address or _MARK)
