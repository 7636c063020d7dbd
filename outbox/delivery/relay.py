"""The SMTP server that we hand mail to, as plain values."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from outbox.delivery.secret import Secret
from outbox.smtp.auth import Credentials
from outbox.smtp.stage import Timeouts

__all__ = ["Relay", "Secret", "Timeouts", "TlsMode"]


class TlsMode(StrEnum):
    """How the connection becomes private."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """One relay: where it is, how it is reached, and who we are to it.

    `hello` is the name in EHLO. `ca_file` replaces the system's certificate authorities. Without
    `allow_plaintext_auth` the password is said inside TLS only.
    """

    name: str
    host: str
    port: int
    tls: TlsMode = TlsMode.STARTTLS
    username: str | None = None
    password: Secret | None = None
    hello: str = "localhost"
    ca_file: Path | None = None
    allow_plaintext_auth: bool = False
    timeouts: Timeouts = field(default_factory=Timeouts)

    @property
    def credentials(self) -> Credentials | None:
        """What AUTH says, where there is anything to say."""
        if self.username is None or self.password is None:
            return None
        return Credentials(self.username, self.password.reveal())
