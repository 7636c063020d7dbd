"""Mails of every shape that plain SMTP can carry, the same ones in every run."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from uuid import UUID

from outbox.mail.address import parse_address
from outbox.mail.compose import compose
from outbox.mail.email import Email

LARGEST = 200_000
"""Bytes of the largest message, about."""

_LOCALS = (
    *("a", "Mixed.Case", "first.last+tag", "o'brien", "0", "x" * 64, "user_name", "-dash-", "a/b=c", "%40"),
    *(
        "!#$%&'*+-/=?^_`{|}~",
        '"a b"',
        '"a@b"',
        '"a>b"',
        '"<a>"',
        '"a,b;c:d"',
        r'"a\"b"',
        r'"a\\b"',
        '".."',
        '""',
    ),
)
_DOMAINS = ("example.com", "mail.example.org", "xn--bcher-kva.example", "[192.0.2.1]", "[IPv6:2001:db8::1]")
_LINES = (
    *(
        b"",
        b"",
        b".",
        b"..",
        b"...",
        b".x",
        b". ",
        b"\t.",
        b"x.",
        b"\t",
        b"  ",
        b"trailing \t",
        b"From a@b",
        b"QUIT",
    ),
    *(
        b"x" * 998,
        b"." * 998,
        b"." + b"y" * 997,
        b"\x00nul",
        b"\x1b[31m",
        b"a" * 76,
        b"Hello, world!",
        b"-- ",
    ),
)
_LINES_8BIT = ("grüße".encode(), b"\xff\xfe", b".\xe9", b"\xa0" * 500)


@dataclass(frozen=True, slots=True)
class Generated:
    """One mail as any client takes it; `body` is the whole message, with CRLF line ends."""

    sender: str
    recipients: tuple[str, ...]
    body: bytes


def generated(count: int, seed: int) -> Iterator[Generated]:
    """Yield `count` mails: every fourth is composed by us, the others are raw lines, some of them 8-bit."""
    random = Random(seed)
    for n in range(count):
        message = _composed(random, n) if n % 4 == 0 else _raw(random, n)
        sender = "" if random.random() < 0.1 else _address(random)
        yield Generated(sender, tuple(_recipients(random)), message)


def _recipients(random: Random) -> list[str]:
    count = random.choice([1, 1, 1, 2, 3, 10, random.randint(1, 60)])
    return [_address(random) for _ in range(count)]


def _address(random: Random) -> str:
    return f"{random.choice(_LOCALS)}@{random.choice(_DOMAINS)}"


def _raw(random: Random, n: int) -> bytes:
    size = random.choice([0, 1, 100, 1000, 5000, 20_000 * (n % 10 == 1), LARGEST * (n % 50 == 1)])
    choices = _LINES + _LINES_8BIT if n % 5 == 0 else _LINES
    lines: list[bytes] = []
    while sum(map(len, lines)) + 2 * len(lines) < size:
        lines += random.choices(choices, k=1 + size // 1000)
    if random.random() < 0.1:
        lines += [b""] * random.randrange(200)
    return b"\r\n".join(lines) + random.choice([b"\r\n", b"\r\n", b""])


def _composed(random: Random, n: int) -> bytes:
    text = "\n".join(random.choice([".", "..", "", "Grüße", "x" * 2000, "Hello.\t"]) for _ in range(n % 40))
    email = Email(
        to=[f"b{k}@example.com" for k in range(random.randint(1, 5))],
        subject="Grüße " * random.randrange(20),
        text=text,
        html=f"<p>{text}</p>" if n % 3 == 0 else None,
    )
    at = datetime(2026, 1, 1, n % 24, tzinfo=UTC)
    return compose(email, id=UUID(int=n), sender=parse_address("sender", "a@example.com"), at=at)
