"""From the greeting to the first mail: EHLO, STARTTLS, AUTH (RFC 5321 §3.1, RFC 3207, RFC 4954)."""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass

from outbox.smtp import auth, command, event
from outbox.smtp.event import Event
from outbox.smtp.extensions import Extensions, parse_extensions
from outbox.smtp.pairing import Pairing
from outbox.smtp.reply import Reply
from outbox.smtp.stage import Stage
from outbox.smtp.transitions import Act

MOST_CHALLENGES = 10
"""Challenges in one AUTH; SCRAM needs three."""

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

    def __init__(self, terms: Terms, pairing: Pairing, *, encrypted: bool) -> None:
        self.extensions = Extensions()
        self.encrypted = encrypted
        self.wants_tls = False
        """Whether the relay agreed to STARTTLS and TLS is not there yet."""
        self.spoken: list[str] = []
        """The responses of AUTH, in base64 as they were said."""
        self._terms = terms
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
        if self._terms.lmtp:  # RFC 2033 §4.1: there is nothing older to fall back to
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
        return self._authenticate() if self._terms.optional else self._give_up(asked, reply)

    def _authenticate(self) -> Event | None:
        credentials = self._terms.credentials
        if credentials is None:
            return event.Ready()
        if not (self._terms.allow_plaintext_auth or (self.encrypted and self._terms.verified)):
            return _lacking(Stage.AUTH, "the password would cross the network without verified TLS")
        try:
            self._mechanism = auth.choose(credentials, self.extensions.auth)
            initial = self._mechanism.initial()
            encoded = None if initial is None else b64encode(initial).decode("ascii")
            line = command.auth(self._mechanism.name, encoded)
        except (auth.NoMechanismError, auth.AuthenticationError, command.UnsendableError) as error:
            return _lacking(Stage.AUTH, str(error))
        self._speak(line)
        return None

    def _respond(self, asked: Stage, reply: Reply) -> Event | None:
        self._challenges += 1
        if self._mechanism is None or self._challenges > MOST_CHALLENGES:
            return _lacking(asked, f"more than {MOST_CHALLENGES} challenges, and no end", reply)
        try:
            challenge = b64decode(reply.lines[-1].strip(), validate=True)
            self._speak(command.auth_response(self._mechanism.respond(challenge)))
        except binascii.Error:
            return _lacking(asked, "a challenge is not base64", reply)
        except (auth.AuthenticationError, command.UnsendableError) as error:
            return _lacking(asked, str(error))
        return None

    def _speak(self, line: bytes) -> None:
        self.spoken.append(line.split()[-1].decode("ascii") if line.strip() else "")
        self._pairing.ask(Stage.AUTH, line)

    def _log_in(self, asked: Stage, _reply: Reply) -> Event:
        if self._mechanism is None or not self._mechanism.complete:
            return _lacking(asked, "the server said yes before it proved that it knows the password itself")
        return event.Ready()

    def _give_up(self, asked: Stage, reply: Reply) -> Event:
        return _lacking(asked, "refused", reply)


def _lacking(stage: Stage, reason: str, reply: Reply | None = None) -> event.HandshakeRefused:
    return event.HandshakeRefused(stage, reason, reply)
