"""The mails of a trial, whose names outlive one wrong byte.

In the clear a network that changes bytes can change an address, and no client can see it. What is proven here
is that no mail is lost, so each name is one letter, many times: who it is stays clear to our server.
"""

from dataclasses import dataclass

_ENOUGH = 5
_TIMES = 8


@dataclass(frozen=True, slots=True)
class Post:
    """One mail: its own letter, its recipients' letters, and its exact message."""

    letter: str
    recipients: str
    message: bytes

    @property
    def sender(self) -> str:
        return address(self.letter)

    @property
    def arriving(self) -> bytes:
        """The message as it arrives: with its last line ended."""
        return self.message.removesuffix(b"\r\n") + b"\r\n"


def address(letter: str) -> str:
    """Return the address that is called `letter`."""
    return f"{letter * _TIMES}@example.org"


REFUSED = "un"
"""The recipients whom the server never takes."""
FULL = "z"
"""The recipient whom it refuses only after the dot, where its protocol can say so (LMTP)."""

POSTS = (
    Post("j", "q", b"Subject: jjjjjjjj\r\n\r\njjjjjjjj\r\n"),
    Post("v", "yz", b"Subject: vvvvvvvv\r\n\r\n.vvvvvvvv\r\n..\r\n.\r\n"),
    Post("h", "n", b"Subject: hhhhhhhh\r\n\r\nhhhhhhhh\r\n"),
    Post("k", "wu", b"Subject: kkkkkkkk\r\n\r\nkkkkkkkk"),
)
OWNER = {recipient: post.letter for post in POSTS for recipient in post.recipients}
"""The mail of each recipient."""

_LETTERS = "".join(post.letter + post.recipients for post in POSTS)


def letters_in(text: bytes) -> set[str]:
    """Return the names that stand in `text`, also where one byte of them is wrong."""
    return {letter for letter in _LETTERS if text.count(letter.encode()) >= _ENOUGH}
