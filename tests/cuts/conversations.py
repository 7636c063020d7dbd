"""The conversations that are tried: how client and server speak with each other."""

import ssl
from dataclasses import dataclass, replace
from pathlib import Path

from outbox.delivery.relay import Pipelining, Relay, TlsMode
from outbox.delivery.tls import client_context
from outbox.smtp.auth import Credentials
from tests.cuts.fault import Fault, Way
from tests.cuts.session import PASSWORD, USER, Offer
from tests.support.tls import Authority

_TLS_RECORD = b"\x16\x03"
"""How a TLS handshake begins, and no word of SMTP does."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One way to speak; with `proven` the relay is known to bear chained input.

    With `apart` the client's buffer seems so small that the dot never leaves together with the body.
    """

    name: str
    relay: Relay
    offer: Offer
    proven: bool = False
    apart: bool = False
    credentials: Credentials | None = None
    client_tls: ssl.SSLContext | None = None
    server_tls: ssl.SSLContext | None = None

    @property
    def implicit(self) -> bool:
        """Whether TLS comes first."""
        return self.relay.tls is TlsMode.IMPLICIT

    def clear(self, data: bytes) -> int:
        """Return how many of these bytes of one direction are in the clear."""
        begin = data.find(_TLS_RECORD) if self.client_tls else -1
        return len(data) if begin < 0 else begin

    def in_the_clear(self, carried: dict[Way, bytes], fault: Fault) -> bool:
        """Whether the byte of `fault` is not under TLS."""
        return fault.at < self.clear(carried[fault.way])


def conversations(folder: Path) -> list[Conversation]:
    """Return all of them; certificates are put into `folder`."""
    authority = Authority(folder)
    relay = Relay(name="main", host="127.0.0.1", port=25, tls=TlsMode.NONE)
    server = authority.server_context()
    mail, off = Pipelining.MAIL, Pipelining.OFF
    login = Credentials(USER, PASSWORD)
    secure = replace(relay, tls=TlsMode.STARTTLS, ca_file=authority.ca_file)
    implicit = replace(secure, tls=TlsMode.IMPLICIT)
    lmtp = replace(relay, lmtp=True)
    client = client_context(secure)
    return [
        Conversation("plain", replace(relay, pipelining=off), Offer()),
        Conversation("HELO", relay, Offer(old=True)),
        Conversation("pipelined", replace(relay, pipelining=mail), Offer()),
        Conversation("chained", relay, Offer()),
        Conversation("chained, proven", relay, Offer(), proven=True),
        Conversation("chained, dot apart", relay, Offer(), proven=True, apart=True),
        Conversation(
            "AUTH, chained", replace(relay, allow_plaintext_auth=True), Offer(login=True), credentials=login
        ),
        Conversation("LMTP, pipelined", replace(lmtp, pipelining=mail), Offer(lmtp=True)),
        Conversation("LMTP, chained", lmtp, Offer(lmtp=True), proven=True),
        Conversation(
            "STARTTLS, AUTH, chained",
            secure,
            Offer(starttls=True, login=True),
            credentials=login,
            client_tls=client,
            server_tls=server,
        ),
        Conversation("implicit TLS, chained", implicit, Offer(), client_tls=client, server_tls=server),
    ]
