"""The stages of an SMTP session, named as an operator reads them, and how long each may take."""

from dataclasses import dataclass
from enum import StrEnum
from math import inf


class Stage(StrEnum):
    """Where a session stands: which answer it waits for, or what it is doing."""

    CONNECT = "connect"
    TLS = "TLS handshake"
    GREETING = "greeting"
    EHLO = "EHLO"
    HELO = "HELO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    IDLE = "idle between mails"
    MAIL_FROM = "MAIL FROM"
    RCPT_TO = "RCPT TO"
    DATA = "DATA"
    BODY = "message body"
    END_OF_DATA = "end of data -- message may be sent more than once"
    RSET = "RSET"
    QUIT = "QUIT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds that each stage may take: RFC 5321 §4.5.3.2, and Postfix where the RFC is silent.

    After `handshake` seconds from the connection to the first mail a relay counts as down, though the answer
    is waited for.
    """

    connect: float = 30.0
    handshake: float = 30.0
    tls: float = 30.0
    command: float = 300.0
    data: float = 120.0
    block: float = 180.0
    # RFC 5321 §4.5.3.2.6: a shorter wait makes duplicates, since the server may take the mail after we left.
    dot: float = 600.0
    reset: float = 20.0
    quit: float = 2.0

    def of(self, stage: Stage) -> float:
        """Return the seconds that `stage` may take; a block of the body for BODY, for ever for IDLE."""
        if stage is Stage.IDLE:
            return inf
        seconds: float = getattr(self, _LIMIT.get(stage, "command"))
        return seconds


_LIMIT = {
    Stage.CONNECT: "connect",
    Stage.TLS: "tls",
    Stage.DATA: "data",
    Stage.BODY: "block",
    Stage.END_OF_DATA: "dot",
    Stage.RSET: "reset",
    Stage.QUIT: "quit",
}
