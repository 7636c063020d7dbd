"""A small correct SMTP or LMTP server without I/O, whose ledger knows what it took responsibility for."""

import re
from base64 import b64encode
from dataclasses import dataclass, field

from tests.cuts.mails import FULL, REFUSED, letters_in

USER, PASSWORD = "user", "password"
_LOGIN = b"PLAIN " + b64encode(f"\0{USER}\0{PASSWORD}".encode())

_PATH = rb"<[\x21-\x3b\x3d\x3f-\x7e]+@[A-Za-z.]+>"
_is_mail = re.compile(rb"MAIL FROM:" + _PATH + rb"(?: [A-Z0-9]+(?:=[\x21-\x3c\x3e-\x7e]+)?)*").fullmatch
_is_rcpt = re.compile(rb"RCPT TO:" + _PATH).fullmatch


@dataclass(frozen=True, slots=True)
class Taken:
    """One recipient of one mail for which the server took responsibility, and the message as it came."""

    mail: str
    recipient: str
    message: bytes


@dataclass(slots=True)
class Ledger:
    """What a server took, and whom it refused for ever: recipients, or whole mails, by letter."""

    taken: list[Taken] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Offer:
    """How the server is to be: its protocol and its extensions; `old` knows no EHLO."""

    lmtp: bool = False
    old: bool = False
    pipelining: bool = True
    starttls: bool = False
    login: bool = False


class Session:
    """One connection: bytes in, answers out. It takes responsibility before it answers the dot.

    `closed` tells that it wants to end, `wants_tls` that TLS comes next.
    """

    def __init__(self, offer: Offer, ledger: Ledger) -> None:
        self.closed = False
        self.wants_tls = False
        self._offer = offer
        self._ledger = ledger
        self._known = not offer.login
        self._in_tls = False
        self._buffer = b""
        self._in_data = False
        self._mail: bytes | None = None
        self._recipients: list[str] = []

    def greet(self) -> bytes:
        """Return the first words."""
        return b"220 mail.example\r\n"

    def be_secured(self) -> None:
        """Begin again inside TLS."""
        self.wants_tls, self._in_tls, self._buffer = False, True, b""

    def hear(self, data: bytes) -> bytes:
        """Take bytes and return the answers; only CRLF ends a line."""
        self._buffer += data
        answers: list[bytes] = []
        while not (self.closed or self.wants_tls):
            # The CRLF before a lone dot may be the one behind DATA.
            text, found, rest = (b"\r\n" * self._in_data + self._buffer).partition(
                b"\r\n.\r\n" if self._in_data else b"\r\n"
            )
            if not found:
                break
            self._buffer = rest
            answers += self._take(text[2:] + b"\r\n") if self._in_data else self._obey(text)
        return b"".join(answer + b"\r\n" for answer in answers)

    def _take(self, wire: bytes) -> list[bytes]:
        """Take a message: from here on it is ours."""
        message = (b"\r\n" + wire).replace(b"\r\n.", b"\r\n")[2:]
        mail = "".join(sorted(letters_in(message)))
        recipients = self._recipients
        self._reset()
        if not self._offer.lmtp:
            self._ledger.taken += [Taken(mail, each, message) for each in recipients]
            return [b"250 2.0.0 Ok: queued as 4X"]
        return [self._store(mail, each, message) for each in recipients]

    def _store(self, mail: str, recipient: str, message: bytes) -> bytes:
        if recipient == FULL:
            self._ledger.refused.add(recipient)
            return b"550 5.2.2 Mailbox full"
        self._ledger.taken.append(Taken(mail, recipient, message))
        return b"250 2.0.0 Stored"

    def _obey(self, line: bytes) -> list[bytes]:
        answers = self._answer(line)
        if answers[-1].startswith(b"5"):
            self._ledger.refused |= letters_in(line)
            if not line.startswith((b"MAIL", b"RCPT")):
                # Perhaps a DATA that nobody can read: then it was about these.
                self._ledger.refused |= set(self._recipients)
        return answers

    def _answer(self, line: bytes) -> list[bytes]:
        verb = line.split(b" ")[0]
        if verb == b"HELO" and not self._offer.lmtp:
            return self._hello()[-1:]
        if verb == (b"LHLO" if self._offer.lmtp else b"EHLO") and not self._offer.old:
            return self._hello()
        return [self._transact(line) if verb in (b"MAIL", b"RCPT", b"DATA") else self._manage(verb, line)]

    def _manage(self, verb: bytes, line: bytes) -> bytes:
        answer = b"500 5.5.2 Unknown command"
        match verb:
            case b"STARTTLS" if self._offer.starttls and not self._in_tls:
                self.wants_tls = True
                answer = b"220 2.0.0 Go"
            case b"AUTH":
                self._known = line == b"AUTH " + _LOGIN
                answer = b"235 2.7.0 Welcome" if self._known else b"535 5.7.8 Wrong"
            case b"RSET":
                self._reset()
                answer = b"250 2.0.0 Ok"
            case b"QUIT":
                self.closed = True
                answer = b"221 2.0.0 Bye"
        return answer

    def _hello(self) -> list[bytes]:
        self._reset()
        lines = [b"mail.example", b"SIZE 10240000", b"ENHANCEDSTATUSCODES"]
        lines += [b"PIPELINING"] * self._offer.pipelining
        lines += [b"STARTTLS"] * (self._offer.starttls and not self._in_tls)
        lines += [b"AUTH PLAIN"] * (self._offer.login and (self._in_tls or not self._offer.starttls))
        return [*(b"250-" + line for line in lines), b"250 8BITMIME"]

    def _transact(self, line: bytes) -> bytes:
        if not self._known:
            return b"530 5.7.0 Authentication required"
        if line.startswith(b"MAIL"):
            if not _is_mail(line) or self._mail is not None:
                return b"501 5.5.4 Bad sender"
            self._mail = line
            return b"250 2.1.0 Ok"
        if line.startswith(b"RCPT"):
            return self._receive(line)
        if line != b"DATA" or not self._recipients:
            return b"503 5.5.1 No valid recipients"
        self._in_data = True
        return b"354 Go on"

    def _receive(self, line: bytes) -> bytes:
        letters = letters_in(line)
        if self._mail is None or not _is_rcpt(line) or len(letters) != 1:
            return b"501 5.5.4 Bad recipient"
        (recipient,) = letters
        if recipient in REFUSED:
            return b"550 5.1.1 No such user"
        self._recipients.append(recipient)
        return b"250 2.1.5 Ok"

    def _reset(self) -> None:
        self._mail, self._recipients, self._in_data = None, [], False
