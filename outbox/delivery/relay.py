"""The SMTP server that we hand mail to, as plain values."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from outbox.delivery.secret import Secret
from outbox.mail.rate import ANY, Limit
from outbox.smtp.stage import Timeouts

__all__ = ["Dsn", "Pipelining", "Pool", "Relay", "Secret", "Timeouts", "TlsMode"]


class TlsMode(StrEnum):
    """How the connection becomes private.

    OPPORTUNISTIC takes TLS where it is offered, verifies nobody, and goes on in the clear where it is not: it
    hides mail from listeners only, so no password is said under it unless plaintext AUTH is allowed.
    """

    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    OPPORTUNISTIC = "opportunistic"
    NONE = "none"


class Pipelining(StrEnum):
    """How far we may write ahead of the relay's answers (RFC 2920), the farthest first.

    AUTO: the next mail's envelope rides behind the dot. MAIL: one envelope in one write. OFF: step by step.
    """

    AUTO = "auto"
    MAIL = "mail"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Dsn:
    """What delivery reports we ask for (RFC 3461): `notify` holds NEVER, or any of SUCCESS, FAILURE, DELAY.

    `full` asks for the whole message in a report of failure, not only its header.
    """

    notify: tuple[str, ...]
    full: bool = False


@dataclass(frozen=True, slots=True)
class Pool:
    """How many `connections` a relay gets at once, and when each is replaced by a fresh one.

    One is kept for `idle` seconds without work, for `age` seconds in all, and for so many `mails`, None for
    any number.
    """

    connections: int = 4
    idle: float = 30.0
    age: float = 300.0
    mails: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """One relay: where it is, how it is reached, and who we are to it.

    `hello` is the name in EHLO. `tls_name` replaces `host` in what the certificate must hold, `ca_file` the
    system's certificate authorities; `client_cert` is our own certificate (PEM, with its key unless
    `client_key` holds it). Without `allow_plaintext_auth` the password is said inside verified TLS only.
    `mechanism` names the one AUTH mechanism to use; the token of XOAUTH2 and OAUTHBEARER comes from
    `token_file`, or from what `token_command` prints. `idempotency_header` is the header by which the relay
    recognises a mail that it has taken before. `lmtp` speaks LMTP (RFC 2033). `source` is the address of ours
    that connections come from. `limit` is what all daemons together may send it.
    """

    name: str
    host: str
    port: int
    tls: TlsMode = TlsMode.STARTTLS
    lmtp: bool = False
    username: str | None = None
    password: Secret | None = None
    mechanism: str | None = None
    token_file: Path | None = None
    token_command: tuple[str, ...] = field(default=(), repr=False)  # an argument may be a secret
    hello: str = "localhost"
    tls_name: str | None = None
    ca_file: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    allow_plaintext_auth: bool = False
    pipelining: Pipelining = Pipelining.AUTO
    dsn: Dsn | None = None
    idempotency_header: str | None = None
    source: str | None = None
    pool: Pool = field(default_factory=Pool)
    limit: Limit = ANY
    timeouts: Timeouts = field(default_factory=Timeouts)
