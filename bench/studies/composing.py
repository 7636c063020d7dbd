"""What a mail costs the processor before it meets a database: composed by us and by the standard library."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from statistics import median
from typing import TYPE_CHECKING
from uuid import UUID

from bench.corpus import HTML, SENDER, TEXT, composed, email, recipient, subject
from bench.databases import ALONE
from bench.study import Goal, Study
from outbox.mail.address import parse_address
from outbox.mail.complete import completed
from outbox.mail.compose import compose
from outbox.render.templates import Templates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ROUNDS = 20
_MAILS = 100
_SENDER = parse_address("sender", SENDER)


@dataclass(frozen=True, slots=True)
class ComposingCost:
    """Microseconds a mail of text and HTML, 2 KB together, by each way."""

    ours: float
    standard: float
    ready: float
    template: float

    @property
    def ratio(self) -> float:
        """How many times as long the standard library takes."""
        return self.standard / self.ours


def composing_cost(_kind: str, _mails: int) -> ComposingCost:
    """Compose some by each way in turn, many times; the median of the rounds counts."""
    templates = Templates()
    now = datetime.now(UTC)
    ready = composed(0)

    def ours(n: int) -> None:
        compose(email(n), id=UUID(int=n), sender=_SENDER, at=now)

    def complete(n: int) -> None:
        completed(ready, id=UUID(int=n), sender=SENDER, at=now)

    def rendered(n: int) -> None:
        context = {"product": "Shop", "name": f"Ada {n}", "url": "https://example.org/start"}
        templates.render("welcome", context)

    ways = (ours, _by_the_standard_library, complete, rendered)
    for way in ways:
        way(0)
    rounds = [[_microseconds(way) for way in ways] for _ in range(_ROUNDS)]
    return ComposingCost(*map(median, zip(*rounds, strict=True)))


def _microseconds(way: Callable[[int], None]) -> float:
    began = time.perf_counter()
    for n in range(_MAILS):
        way(n)
    return (time.perf_counter() - began) / _MAILS * 1e6


def _by_the_standard_library(n: int) -> None:
    message = EmailMessage()
    message["Date"] = format_datetime(datetime.now(UTC))
    message["From"] = SENDER
    message["To"] = recipient(n)
    message["Subject"] = subject(n)
    message["Message-ID"] = make_msgid(domain="example.org")
    message.set_content(TEXT)
    message.add_alternative(HTML, subtype="html")
    message.as_bytes(policy=SMTP)


def _rows(cost: ComposingCost) -> Iterator[tuple[str, ...]]:
    yield "made, checked and composed by us", f"{cost.ours:.0f}"
    yield "composed by EmailMessage", f"{cost.standard:.0f}"
    yield "ready bytes, completed by us", f"{cost.ready:.0f}"
    yield "our welcome, rendered", f"{cost.template:.0f}"


COMPOSING = Study(
    "composing",
    "What a mail of text and HTML, 2 KB together, costs the processor, in microseconds",
    (ALONE,),
    ("a mail", "us"),
    composing_cost,
    _rows,
    (
        Goal("composing, x EmailMessage", 5, lambda cost: cost.ratio),
        Goal("composing, in us", 150, lambda cost: cost.ours, upper=True),
    ),
)
