"""What one SMTP transaction said about one recipient: a small sum type.

`delivery` makes these from what happened on the wire; `worker` turns them into moves of the queue.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """The relay's own words: reply code, enhanced status code (RFC 3463) and text, made printable."""

    code: int
    enhanced: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Sent:
    """The relay took responsibility: its 2yz to the final dot, and the queue id that it named."""

    answer: Answer
    queue_id: str | None


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now: judged, and to be tried again later."""

    stage: str
    reason: str
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """Never: a permanent refusal of this recipient or of this message."""

    stage: str
    reason: str
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a doubt: bytes of the message written, its dot included, and seconds waited since."""

    written: int
    waited: float


@dataclass(frozen=True, slots=True)
class InDoubt:
    """The final dot went out and no valid answer came back: the relay may hold the mail (RFC 1047)."""

    stage: str
    reason: str
    answer: Answer | None
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class RelayFault:
    """The relay, the way to it, or our standing with it is at fault: it says nothing of the mail.

    `throttles` says that the relay finds us too fast. `waited` is how long we waited, in seconds, where its
    silence is the fault. `ours` says that this process lacks what it takes to ask the relay at all.
    """

    stage: str
    reason: str
    answer: Answer | None
    throttles: bool = False
    waited: float = 0.0
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Untouched:
    """Nothing was said of this mail: the same mail may go at once over a fresh connection."""

    reason: str


Verdict = Sent | Deferred | Rejected | InDoubt | RelayFault | Untouched
