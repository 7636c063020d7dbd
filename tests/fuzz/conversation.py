"""Hold a session with a relay that may say anything: each recipient gets its own answer or none.

The first two bytes of an input choose what kind of session it is, the rest is what the relay says.
"""

from outbox.smtp.auth import Credentials
from outbox.smtp.conversation import Terms
from tests.support.dialogue import Driver, Manner
from tests.support.feeding import byte_by_byte

_SIZES = ([1], [2, 1], [3, 1, 2], [1, 1, 1, 1])
_LINES = (1, 2, 4, 64)
"""How many lines come together."""


def check(data: bytes) -> None:
    """Hold one session."""
    kind = int.from_bytes(data[:2])
    driver = Driver(_terms(kind), _SIZES[kind >> 8 & 3], _manner(kind))
    for piece in _pieces(data[2:], _LINES[kind >> 10 & 3], bytewise=bool(kind >> 12 & 1)):
        driver.hear(piece)


def _terms(kind: int) -> Terms:
    credentials = Credentials("user", "sesame-open") if kind & 4 else None
    return Terms(
        hello="me.example",
        lmtp=bool(kind & 1),
        starttls=bool(kind & 2),
        optional=bool(kind & 8),
        credentials=credentials,
        allow_plaintext_auth=bool(kind & 16),
    )


def _manner(kind: int) -> Manner:
    return Manner(chained=bool(kind & 32), hesitant=bool(kind & 64), apart=bool(kind & 128))


def _pieces(said: bytes, together: int, *, bytewise: bool) -> list[bytes]:
    if bytewise:
        return byte_by_byte(said)
    lines = said.splitlines(keepends=True)
    return [b"".join(lines[n : n + together]) for n in range(0, len(lines), together)]
