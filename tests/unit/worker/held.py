"""Claims, parcels and settlements to try the worker's parts with, and threads that are none."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from outbox.mail.status import Lane, Move, OnDoubt, Settlement
from outbox.store.bodies import Message
from outbox.store.moves import Claim
from outbox.worker.lease import Lease
from outbox.worker.parcel import Parcel

T = TypeVar("T")


def claim(delivery_id: int = 1, **changes: Any) -> Claim:
    """Return a fresh claim."""
    values: dict[str, Any] = {
        "delivery_id": delivery_id,
        "message_id": UUID(int=1),
        "n": 0,
        "recipient": "ann@example.org",
        "stream": "default",
        "size": 1000,
        "fence": 1,
        "attempts": 0,
        "doubts": 0,
        "judged_ago": None,
        "lane": Lane.FRESH,
        "due_at": datetime(2026, 1, 1, tzinfo=UTC),
        "expires_in": None,
    }
    return Claim(**values | changes)


def rescued(delivery_id: int = 1, **changes: Any) -> Claim:
    """Return the claim of a delivery that was in the hands of a daemon that died."""
    return claim(delivery_id, lane=Lane.ALONE, **changes)


def lease() -> Lease:
    """Return a lease that is valid for long."""
    return Lease(valid_until=1e12, unbroken_since=0.0)


def parcel(*claims: Claim, under: Lease | None = None, now: float = 0.0) -> Parcel:
    """Return a parcel of these claims, or of a fresh one."""
    held = list(claims) or [claim()]
    return Parcel(held[0].message_id, held, under or lease(), now, held[0].size, lane=held[0].lane)


PARCELS = [parcel(claim(n)) for n in range(8)]
"""Parcels of fresh mail, as it comes."""


def retries(count: int) -> list[Parcel]:
    """Return parcels of mail that was put off before."""
    return [parcel(claim(100 + n, lane=Lane.RETRY)) for n in range(count)]


def message(number: int = 1, size: int = 1000) -> Message:
    """Return a message of so many bytes."""
    # The system gives memory to zeros only when somebody writes there.
    return Message(UUID(int=number), "shop@example.org", bytes(size), OnDoubt.RESEND)


def settlement(delivery_id: int = 1, move: Move = Move.DELIVER, **changes: Any) -> Settlement:
    """Return a settlement."""
    return Settlement(delivery_id, UUID(int=1), 1, move, "mx", **changes)


class NoThreads:
    """Does the database's work at once, on the loop; stands in for `Threads`."""

    async def run(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run `work` here."""
        await asyncio.sleep(0)
        return work(*args, **kwargs)


class _Leaping(selectors.DefaultSelector):
    """Does not wait: it tells how long it would have."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("nothing is left that could happen")
        self.now += max(0.0, timeout)
        return super().select(0)


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._leaping = _Leaping()
        super().__init__(self._leaping)

    def time(self) -> float:
        return self._leaping.now


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on a loop whose time passes only when everybody waits, and then at once."""
    with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
        return runner.run(work)
