"""The SASL mechanisms whose every word is known beforehand (RFC 4422); SCRAM has its own file.

User names and passwords are said in UTF-8 as they were given: RFC 4616 leaves their preparation (SASLprep) to
the server. `outbox.smtp.auth` has refused what no mechanism can carry before it makes one of these.
"""

from collections import deque
from typing import Protocol


class AuthenticationError(Exception):
    """The server broke the mechanism, or failed to prove itself: nothing more may be said to it."""


class Mechanism(Protocol):
    """The client's side of one authentication exchange, without I/O and without base64."""

    name: str
    """As in AUTH, in upper case."""

    @property
    def complete(self) -> bool:
        """Whether a 235 may be believed now."""

    def initial(self) -> bytes | None:
        """Return the initial response, which goes with AUTH; None where the server must ask first."""

    def respond(self, challenge: bytes) -> bytes:
        """Return the answer to what a 334 says.

        Raises AuthenticationError, which never holds a secret.
        """


class Recital:
    """A mechanism that says fixed words, in order, whatever the server asks.

    `words` answers the challenges after `first`, the initial response. `refused` is the answer to one more
    challenge, by which the server says that it refuses; its 535 follows.
    """

    def __init__(self, name: str, first: bytes | None, *words: bytes, refused: bytes | None = None) -> None:
        self.name = name
        self._first = first
        self._words = deque(words)
        self._refused = refused
        self._begun = False

    @property
    def complete(self) -> bool:
        """Whether all was said that lets the server accept us."""
        return self._begun and not self._words

    def initial(self) -> bytes | None:
        """Return the initial response, or None where the server must ask first."""
        self._begun = True
        return self._first

    def respond(self, challenge: bytes) -> bytes:  # noqa: ARG002 -- the name is the protocol's own
        """Say the next words; raise AuthenticationError where none are left."""
        if self._words:
            return self._words.popleft()
        if self._refused is None:
            raise AuthenticationError(f"the server asks for more than AUTH {self.name} has to say")
        answer, self._refused = self._refused, None
        return answer


def plain(username: str, password: str) -> Mechanism:
    """Say both at once (RFC 4616 §2)."""
    return Recital("PLAIN", f"\0{username}\0{password}".encode())


def login(username: str, password: str) -> Mechanism:
    """Say one after the other; each server words its questions differently, so only their order counts."""
    return Recital("LOGIN", None, username.encode(), password.encode())


def xoauth2(username: str, token: str) -> Mechanism:
    """Say a token as Google and Microsoft ask for it; a refusal comes as JSON and wants an empty answer."""
    return Recital("XOAUTH2", f"user={username}\1auth=Bearer {token}\1\1".encode(), refused=b"")


def oauthbearer(username: str, token: str) -> Mechanism:
    """Say a token (RFC 7628 §3.1), without the optional host and port; a refusal wants `^A` (§3.2.3)."""
    name = username.replace("=", "=3D").replace(",", "=2C")
    return Recital("OAUTHBEARER", f"n,a={name},\1auth=Bearer {token}\1\1".encode(), refused=b"\1")
