"""From the greeting to the first mail: EHLO, STARTTLS, AUTH (RFC 5321 §3.1, RFC 3207, RFC 4954)."""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass

from outbox.smtp import auth, command, event
from outbox.smtp.event import Event
from outbox.smtp.extensions import Extensions, parse_extensions
from outbox.smtp.pairing import Pairing
from outbox.smtp.reply import CLOSING, Reply
from outbox.smtp.scrub import Scrubber
from outbox.smtp.stage import Stage
from outbox.smtp.transitions import Act

MOST_CHALLENGES = 10
"""Challenges in one AUTH; SCRAM needs three."""

_UNKNOWN_COMMAND = frozenset({500, 501, 502, 504})  # RFC 5321 §4.2.4, of a server without extensions
_NO_STARTTLS = (
    "the server does not offer STARTTLS; if it speaks TLS at once, or is a local catcher, say so in smtp_tls"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a session may be: who we are, and how private it must be before we say more.

    `hello` is the name in EHLO, or in LHLO with `lmtp`. `starttls` asks for STARTTLS, and goes on without
    it only where it is `optional`. `verified` says that TLS, once there, has proven who the relay is:
    without that `credentials` are not said unless `allow_plaintext_auth`.
    """

    hello: str
    lmtp: bool = False
    starttls: bool = False
    optional: bool = False
    verified: bool = True
    credentials: auth.Credentials | None = None
    allow_plaintext_auth: bool = False


class Handshake:
    """The acts of the session's beginning; raises UnsendableError where the name cannot be said."""

    def __init__(self, terms: Terms, pairing: Pairing, scrubber: Scrubber, *, encrypted: bool) -> None:
        self.extensions = Extensions()
        self.encrypted = encrypted
        self.wants_tls = False
        """Whether the relay agreed to STARTTLS and TLS is not there yet."""
        self._terms = terms
        self._scrubber = scrubber
        self._pairing = pairing
        self._hello = command.lhlo(terms.hello) if terms.lmtp else command.ehlo(terms.hello)
        self._helo = command.helo(terms.hello)
        self._mechanism: auth.Mechanism | None = None
        self._challenges = 0

    def acts(self) -> dict[Act, Callable[[Stage, Reply], Event | None]]:
        """Return what each act of the table does."""
        return {
            Act.SAY_HELLO: self._say_hello,
            Act.FALL_BACK: self._fall_back,
            Act.LEARN: self._learn,
            Act.SECURE: self._secure,
            Act.STAY_IN_THE_CLEAR: self._stay_in_the_clear,
            Act.RESPOND: self._respond,
            Act.LOG_IN: self._log_in,
            Act.GIVE_UP: self._give_up,
        }

    def tls_established(self) -> None:
        """Begin again inside TLS: all that was heard in the clear is forgotten (RFC 3207 §4.2)."""
        self.encrypted = True
        self.wants_tls = False
        self.extensions = Extensions()
        self._pairing.ask(Stage.EHLO, self._hello)

    def _say_hello(self, _asked: Stage, _reply: Reply) -> None:
        self._pairing.ask(Stage.EHLO, self._hello)

    def _fall_back(self, asked: Stage, reply: Reply) -> Event | None:
        # Other refusals speak of us or of the server's load; and LMTP has nothing older (RFC 2033 §4.1).
        if self._terms.lmtp or reply.code not in _UNKNOWN_COMMAND:
            return self._give_up(asked, reply)
        self._pairing.ask(Stage.HELO, self._helo)
        return None

    def _learn(self, asked: Stage, reply: Reply) -> Event | None:
        """Take the offers of the relay, and go on to what is still needed."""
        if asked is Stage.EHLO:
            self.extensions = parse_extensions(reply)
        if self._terms.starttls and not self.encrypted:
            if self.extensions.starttls:
                self._pairing.ask(Stage.STARTTLS, command.STARTTLS)
                return None
            if not self._terms.optional:
                return _lacking(Stage.STARTTLS, _NO_STARTTLS)
        return self._authenticate()

    def _secure(self, asked: Stage, _reply: Reply) -> Event:
        # Bytes in the clear behind this answer would be read as said inside TLS (STARTTLS injection).
        if self._pairing.unread:
            return event.Desync(asked, "bytes in the clear behind the answer to STARTTLS", None)
        self.wants_tls = True
        return event.TlsWanted()

    def _stay_in_the_clear(self, asked: Stage, reply: Reply) -> Event | None:
        may_stay = self._terms.optional and reply.code != CLOSING
        return self._authenticate() if may_stay else self._give_up(asked, reply)

    def _authenticate(self) -> Event | None:
        credentials = self._terms.credentials
        if credentials is None:
            return event.Ready()
        if not (self._terms.allow_plaintext_auth or (self.encrypted and self._terms.verified)):
            return _lacking(Stage.AUTH, "the password would cross the network without verified TLS")
        for secret in (credentials.password, credentials.token):
            self._scrubber.remember(secret or "")
        try:
            self._mechanism = auth.choose(credentials, self.extensions.auth)
            initial = self._encoded(self._mechanism.initial())
            line = command.auth(self._mechanism.name, initial)
        except (auth.NoMechanismError, auth.AuthenticationError, command.UnsendableError) as error:
            return _lacking(Stage.AUTH, str(error))
        self._pairing.ask(Stage.AUTH, line)
        return None

    def _respond(self, asked: Stage, reply: Reply) -> Event | None:
        self._challenges += 1
        if self._mechanism is None or self._challenges > MOST_CHALLENGES:
            return self._cancel(f"more than {MOST_CHALLENGES} challenges, and no end")
        try:
            response = self._mechanism.respond(b64decode(reply.lines[-1].strip(), validate=True))
            line = command.auth_response(response)
        except binascii.Error:
            return self._cancel("a challenge is not base64")
        except (auth.AuthenticationError, command.UnsendableError) as error:
            return self._cancel(str(error))
        self._encoded(response)
        self._pairing.ask(asked, line)
        return None

    def _cancel(self, reason: str) -> Event:
        """End an AUTH whose challenge we cannot answer."""
        self._pairing.ask(Stage.AUTH, command.CANCEL)
        return _lacking(Stage.AUTH, reason)

    def _encoded(self, response: bytes | None) -> str | None:
        """Return a response in base64, which no reply shall repeat."""
        if response is None:
            return None
        encoded = b64encode(response).decode("ascii")
        self._scrubber.remember(encoded)
        return encoded

    def _log_in(self, asked: Stage, _reply: Reply) -> Event:
        if self._mechanism is None or not self._mechanism.complete:
            return _lacking(asked, "the server said yes before it proved that it knows the password itself")
        return event.Ready()

    def _give_up(self, asked: Stage, reply: Reply) -> Event:
        return _lacking(asked, "refused", reply)


def _lacking(stage: Stage, reason: str, reply: Reply | None = None) -> event.HandshakeRefused:
    return event.HandshakeRefused(stage, reason, reply)
