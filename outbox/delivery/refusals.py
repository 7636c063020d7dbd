"""Tell a storm of refusals by policy from refusals of mail: plain values in, plain values out.

A relay that is set up wrong, or has blocked us, refuses everything for good, and a whole queue would fail.
So refusals are counted that come in a row, with the same enhanced code or the same words, and do not speak of
an address (x.1.z, RFC 3463): twenty of them, to three domains at least, are a storm. Any other judgement
of a mail ends the row. An answer that is about a whole mail counts once, however many recipients that has.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from outbox.mail.verdict import Deferred, Rejected, Sent
from outbox.smtp.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outbox.mail.verdict import Answer, Verdict

MANY = 20
DOMAINS = 3

_OF_AN_ADDRESS = re.compile(r"5\.1\.")
_ADDRESS = re.compile(r"<?[^\s<>@]+@[^\s<>@]+>?")


def may_be_policy(verdict: Verdict) -> bool:
    """Tell whether a verdict is a refusal by the relay that does not speak of an address."""
    if not isinstance(verdict, Rejected) or verdict.answer is None:
        return False
    return not _OF_AN_ADDRESS.match(verdict.answer.enhanced or "")


def ends_a_row(verdict: Verdict) -> bool:
    """Tell whether a verdict says that the relay does not refuse everything for one reason."""
    judged = isinstance(verdict, Sent | Deferred | Rejected) and verdict.answer is not None
    return judged and not may_be_policy(verdict)


class Refusals:
    """The refusals in a row of one relay, as one daemon has met them."""

    def __init__(self) -> None:
        self._cause: Answer | None = None
        self._domains: set[str] = set()
        self.count = 0

    @property
    def is_storm(self) -> bool:
        """Whether they are too many, and too alike, to be about the mails."""
        return self.count >= MANY and len(self._domains) >= DOMAINS

    def end(self) -> None:
        """Begin a new row: a mail was judged otherwise."""
        self._cause = None
        self._domains.clear()
        self.count = 0

    def is_another(self, answer: Answer) -> bool:
        """Tell whether this refusal has another cause than those of the row."""
        return self._cause is not None and not _same(self._cause, answer)

    def add(self, refusals: Sequence[tuple[Rejected, str]]) -> None:
        """Count the refusals of one transaction, each with its recipient; they have the cause of the row."""
        for n, (refusal, recipient) in enumerate(refusals):
            self._cause = self._cause or refusal.answer
            self._domains.add(recipient.rpartition("@")[2].lower())
            if n == 0 or refusal.stage == Stage.RCPT_TO.value:
                self.count += 1


def _same(one: Answer, other: Answer) -> bool:
    return (one.enhanced is not None and one.enhanced == other.enhanced) or _words(one) == _words(other)


def _words(answer: Answer) -> str:
    return _ADDRESS.sub("", answer.text)
