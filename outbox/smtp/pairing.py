"""Pair the relay's replies with our questions, strictly by count (RFC 2920 §3.1).

Every command that was said is a question, every reply answers the oldest one, and what comes unasked is told
apart: one reply too many, read as the answer to the next question, would lose a mail.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from outbox.smtp.reply import ProtocolError, Reply, ReplyParser
from outbox.smtp.stage import Stage

Paired = tuple[Stage, Reply]
"""A question and its reply; a bare pair, since there is one for each command of each mail."""


@dataclass(frozen=True, slots=True)
class Unasked:
    """A reply to no question."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Broken:
    """Bytes from which on nothing can be paired any more."""

    reason: str


class Pairing:
    """The questions that are open, what is still to be written, and the parser of what comes back.

    `scrub` takes our secrets out of a line that is no reply, before a fault repeats it.
    """

    def __init__(self, scrub: Callable[[bytes], bytes]) -> None:
        self.asked: deque[Stage] = deque([Stage.GREETING])
        """The open questions, oldest first; the greeting is awaited before anything was said."""
        self._parser = ReplyParser(scrub)
        self._out: list[bytes] = []

    @property
    def unread(self) -> bool:
        """Whether bytes of an unfinished or broken reply are waiting."""
        return self._parser.unread

    def ask(self, stage: Stage, line: bytes) -> None:
        """Say `line`, the question of `stage`."""
        self.asked.append(stage)
        self._out.append(line)

    def ask_all(self, stages: Iterable[Stage], lines: Iterable[bytes]) -> None:
        """Say `lines`, each the question of its stage, in one write."""
        self.asked.extend(stages)
        self._out.extend(lines)

    def take(self) -> bytes:
        """Return what must be written now."""
        if not self._out:
            return b""
        out = b"".join(self._out)
        self._out.clear()
        return out

    def hear(self, data: bytes, *, may_interrupt: bool) -> Iterator[Paired | Unasked | Broken]:
        """Yield what `data` says; the caller acts on each before it takes the next.

        With `may_interrupt` an unasked reply may come in pieces; else bytes behind the last answer are a
        fault.
        """
        # Only what was asked before these bytes came can be answered by them.
        owed = len(self.asked)
        try:
            replies = self._parser.feed(data)
        except ProtocolError as error:
            yield Broken(str(error))
            return
        for reply in replies:
            yield (self.asked.popleft(), reply) if owed > 0 else Unasked(reply)
            owed -= 1
        if self._parser.fault is not None:
            yield Broken(self._parser.fault)
        elif owed <= 0 and self._parser.unread and not may_interrupt:
            yield Broken("bytes that answer nothing")
