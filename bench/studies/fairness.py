"""How long one fresh mail waits behind what others have queued, from its COMMIT to the recorded answer.

Behind retries to a domain that answers slowly and never well; behind the flood of another tenant; and beside
a stream whose relay is down. All by the database's own clock.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import String, cast, func, select

from bench.corpus import SENDER
from bench.daemon import daemon, until
from bench.databases import NAMES
from bench.fill import Filler, N
from bench.percentiles import percentiles
from bench.postfix import HOST
from bench.shop import shop
from bench.slow_domain import DEAD
from bench.study import Goal, Study
from outbox import Outbox
from outbox.mail.status import Lane, Status
from outbox.store.clock import seconds_since
from outbox.store.schema import delivery, message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.daemon import Daemon
    from bench.shop import Shop

_MIME = b"From: shop@example.org\r\nSubject: x\r\n\r\nHello.\r\n"
_PAUSE = 0.1
_PROBES = 200
_PATIENCE = 60.0
_OURS = "tenant-b"
_MAILS = Outbox(sender=SENDER)
_BULK = '{"bulk": {"relay": "ses"}}'


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds that fresh mails waited, and what waited beside them at the end."""

    beside: str
    mails: int
    p50: float
    p99: float
    most: float
    left: int


def fairness(kind: str, mails: int) -> list[Waits]:
    """Probe an idle queue first, then behind 5 times `mails` retries, 10 times a flood, and a dead relay."""
    return [
        _probed(kind, "nothing", 0, {}, {}),
        _probed(kind, "retries to a dead domain", 5 * mails, {}, {"lane": int(Lane.RETRY)}),
        _probed(kind, "the flood of another tenant", 10 * mails, {}, {"stream": "tenant-a"}),
        _probed(kind, "a stream whose relay is down", mails, {"streams": _BULK}, {"stream": "bulk"}),
    ]


def _probed(kind: str, beside: str, waiting: int, settings: dict[str, str], values: dict[str, Any]) -> Waits:
    """Commit one mail after the other while so many others wait; return how long these took."""
    domain = DEAD if "lane" in values else "example.com"
    recipients = cast(N, String(20)) + f"@{domain}"
    with shop(kind) as opened, _relay() as port, ExitStack() as stack:
        filler = Filler(opened.engine, kind)
        filler.add(waiting, values | {"recipient": recipients}, "-60", heads={"mime": _MIME})
        filler.tidy()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="outbox-bench-")))
        running = [stack.enter_context(daemon(opened.url, port, folder, **settings))]
        if settings:
            own = folder / "ses"
            own.mkdir()
            other = daemon(opened.url, _closed_port(), own, **settings, relay_name="ses")
            running.append(stack.enter_context(other))
        return _waits(opened, running, beside, waiting)


def _waits(opened: Shop, running: list[Daemon], beside: str, waiting: int) -> Waits:
    # A daemon that only starts is not measured.
    _commit(opened, "warm")
    _settle(opened, running)
    for _ in range(_PROBES):
        _commit(opened, _OURS)
        time.sleep(_PAUSE)
    _settle(opened, running)
    waited = seconds_since(message.c.created_at) - seconds_since(delivery.c.finished_at)
    ours = select(waited).join_from(delivery, message, delivery.c.message_id == message.c.id)
    unfinished = delivery.c.status.in_([Status.PENDING.value, Status.SENDING.value])
    with opened.engine.connect() as connection:
        found = [float(one) for one in connection.execute(ours.where(delivery.c.stream == _OURS)).scalars()]
        left = connection.execute(select(func.count()).where(unfinished)).scalar_one()
    return Waits(beside, waiting, *percentiles(found), max(found), left)


def _commit(opened: Shop, stream: str) -> None:
    with opened.engine.begin() as connection:
        to = f"{time.monotonic_ns()}@example.com"
        _MAILS.enqueue(connection, to=to, text="Hello.", stream=stream)


def _settle(opened: Shop, running: list[Daemon]) -> None:
    """Wait until all of our own mails are sent."""
    is_ours = delivery.c.stream.in_([_OURS, "warm"])
    unsent = select(func.count()).where(is_ours, delivery.c.status != Status.SENT.value)

    def is_done() -> bool:
        with opened.engine.connect() as connection:
            return connection.execute(unsent).scalar_one() == 0

    until(is_done, _PAUSE, _PATIENCE, running, lambda: "our own mails")


@contextmanager
def _relay() -> Iterator[int]:
    """Run the relay to whom a domain is dead; give its port."""
    command = [sys.executable, "-m", "bench.slow_domain"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def _closed_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def _rows(found: list[Waits]) -> Iterator[tuple[str, ...]]:
    for one in found:
        seconds = (f"{value:.2f}" for value in (one.p50, one.p99, one.most))
        yield f"{one.mails:,} of {one.beside}" if one.mails else one.beside, *seconds, f"{one.left:,}"


def _worst(found: list[Waits]) -> float:
    return max(one.p99 for one in found)


FAIRNESS = Study(
    "fairness",
    "How long a fresh mail waits, from COMMIT to the recorded answer, in s",
    NAMES,
    ("behind", "p50", "p99", "most", "left"),
    fairness,
    _rows,
    (Goal("p99 wait of a fresh mail in s, whatever waits", 2.0, _worst, upper=True),),
)
