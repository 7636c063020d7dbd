"""One mail as it is handed to a connection."""

from collections.abc import Callable
from dataclasses import dataclass

from outbox.mail.verdict import Verdict

MayDot = Callable[[], str | None]
"""The last-moment check: None if the dot may go, else the reason why not. It must not block."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What one transaction carries; `body` is the message's exact bytes, with CRLF line ends, not stuffed.

    `id` is the message's own, the same in every attempt: reports and relays that dedupe name the mail by it.
    """

    sender: str
    recipients: tuple[str, ...]
    body: bytes
    id: str = ""


@dataclass(frozen=True, slots=True)
class Mail:
    """An envelope, its last-moment check, and who is told the verdicts: once, one a recipient, in order."""

    envelope: Envelope
    may_dot: MayDot
    settled: Callable[[list[Verdict]], None]
