"""Say who we are: the AUTH mechanisms (RFC 4954)."""

from base64 import b64encode
from dataclasses import dataclass, field

from outbox.smtp import command


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name and its password, which no repr shows."""

    username: str
    password: str = field(repr=False)


MECHANISMS = ("PLAIN",)
"""The mechanisms that we speak, the best first."""


def choose_mechanism(offered: frozenset[str]) -> str | None:
    """Return the best mechanism that both sides speak."""
    return next((name for name in MECHANISMS if name in offered), None)


def plain(credentials: Credentials) -> bytes:
    """Encode AUTH PLAIN with its initial response (RFC 4616 §2).

    Raises UnsendableError on a NUL, which would end the user name, and on what UTF-8 has no bytes for.
    """
    if "\0" in credentials.username or "\0" in credentials.password:
        raise command.UnsendableError("a user name or password holds a NUL")
    try:
        response = f"\0{credentials.username}\0{credentials.password}".encode()
    except UnicodeEncodeError:
        # Not `from` it: that error holds the whole password.
        raise command.UnsendableError("a user name or password holds half a character") from None
    return command.auth("PLAIN", b64encode(response).decode("ascii"))
