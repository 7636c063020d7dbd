"""What a conversation tells its owner: a small sum type."""

from dataclasses import dataclass

from outbox.smtp.reply import Reply
from outbox.smtp.stage import Stage


@dataclass(frozen=True, slots=True)
class TlsWanted:
    """The relay agreed to STARTTLS: do the handshake, then call `tls_established`."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The relay waits for a mail: after the handshake, and again after a transaction that got no dot."""


@dataclass(frozen=True, slots=True)
class HandshakeRefused:
    """The session cannot begin: the relay refused, or lacks what we require (then without a reply)."""

    stage: Stage
    reason: str
    reply: Reply | None


@dataclass(frozen=True, slots=True)
class SenderRefused:
    """The relay refused MAIL FROM, and with it the whole transaction."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class RecipientRefused:
    """The relay refused the recipient with this index, after it had accepted so many of the transaction."""

    n: int
    reply: Reply
    accepted: int


@dataclass(frozen=True, slots=True)
class BodyWanted:
    """The relay said 354 to at least one accepted recipient: write the body, then call `dot`."""


@dataclass(frozen=True, slots=True)
class DataRefused:
    """The relay refused DATA although it had accepted recipients."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The relay refused in the middle of the body: write no more, and never the dot."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Answered:
    """The relay's answer to the dot, for these recipients: all accepted ones, or one in LMTP.

    With `last` the transaction is over.
    """

    reply: Reply
    recipients: tuple[int, ...]
    last: bool


@dataclass(frozen=True, slots=True)
class Closing:
    """The relay said 421 while `stage` waited for another answer: it closes the connection."""

    stage: Stage
    reply: Reply


@dataclass(frozen=True, slots=True)
class Desync:
    """The relay broke the protocol at `stage`: no answer can be paired any more, abort the connection."""

    stage: Stage
    reason: str
    reply: Reply | None
    unwanted_go_ahead: bool = False
    """Whether it asked for a message although it had accepted no recipient."""


Event = (
    TlsWanted
    | Ready
    | HandshakeRefused
    | SenderRefused
    | RecipientRefused
    | BodyWanted
    | DataRefused
    | Interrupted
    | Answered
    | Closing
    | Desync
)

ENDS = (HandshakeRefused, Interrupted, Closing, Desync)
"""The events after which the relay is not heard any more."""
