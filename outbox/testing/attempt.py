"""What a server has seen of one mail, whether or not it took it."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP


@dataclass(slots=True)
class Attempt:
    """One mail transaction, as far as it came; an empty one of a connection that came to none."""

    connection: int
    """The number of its connection, from 1."""
    client: str = ""
    """The name that the client gave."""
    sender: str = ""
    recipients: list[str] = field(default_factory=list)
    """Those that were accepted."""
    refused: dict[str, str] = field(default_factory=dict)
    """The others, each with the answer."""
    content: bytes = b""
    """The message, its dots unstuffed; empty until it has come completely."""
    answer: str = ""
    """The last answer, or "cut" or "stall"."""
    taken: bool = False
    """Whether the server took responsibility."""

    @property
    def email(self) -> EmailMessage:
        """The message, as Python's own parser reads it."""
        parsed = BytesParser(policy=SMTP).parsebytes(self.content)
        assert isinstance(parsed, EmailMessage)  # noqa: S101 - what this policy makes
        return parsed
