"""A supply between a queue that a test fills and a tray that it empties."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy.exc import OperationalError

from outbox.mail.diversion import Diversion
from outbox.mail.status import OnDoubt
from outbox.store.bodies import Message
from outbox.store.database import UnmetServerError
from outbox.store.moves import Claim
from outbox.worker.budget import Budget
from outbox.worker.holdings import Holdings
from outbox.worker.parcel import Parcel
from outbox.worker.supply import Supply
from outbox.worker.tray import Tray
from tests.unit.worker.held import NoThreads, claim, lease, message, run

GONE = OperationalError("COMMIT", {}, Exception("gone away"))


class Queue:
    """Gives the claims that it was made with, and notes what it is asked."""

    def __init__(self, *claims: Claim) -> None:
        self.claims = list(claims)
        self.sizes: dict[UUID, int] = {}
        self.failing = False
        self.unmet = False
        self.asked: list[Any] = []
        self.alone: list[bool] = []
        self.wanted: dict[str, Any] = {}
        self.on_doubt: dict[UUID, OnDoubt] = {}
        self.announced: list[list[int]] = []
        self.lost: set[int] = set()
        self.locked: set[int] = set()

    def claim(self, _holder: UUID, limit: int, *, alone: bool, **wanted: Any) -> list[Claim]:
        if self.failing:
            raise GONE
        if self.unmet:
            raise UnmetServerError
        self.wanted = wanted
        self.alone.append(alone)
        given, self.claims = self.claims[:limit], self.claims[limit:]
        self.sizes |= {claim.message_id: claim.size for claim in given}
        return given

    def messages(self, ids: Collection[UUID]) -> dict[UUID, Message]:
        if self.failing:
            raise GONE
        self.asked.append(sorted(ids))
        return {
            id_: replace(message(id_.int, self.sizes[id_]), on_doubt=self.on_doubt.get(id_, OnDoubt.RESEND))
            for id_ in ids
            if id_.int < 100
        }

    def announce(self, _holder: UUID, wanted: Sequence[Claim]) -> dict[int, bool | None]:
        if self.failing:
            raise GONE
        self.announced.append([one.delivery_id for one in wanted])
        ids = (one.delivery_id for one in wanted)
        return {id_: None if id_ in self.locked else id_ not in self.lost for id_ in ids}

    def release_unknown(self, _holder: UUID, known: Collection[int]) -> int:
        if self.failing:
            raise GONE
        if self.unmet:
            raise UnmetServerError
        self.asked.append(("release", sorted(known)))
        return 0


class Scene:
    """A supply between a queue and a tray."""

    def __init__(self, *claims: Claim, budget: Budget | None = None) -> None:
        self.queue = Queue(*claims)
        queue: Any = self.queue
        threads: Any = NoThreads()
        self.tray = Tray(lambda: 99, lambda: None)
        self.holdings = Holdings(queue, threads)
        self.supply = Supply(queue, threads, self.holdings, budget or Budget(), self.tray, lambda _: 50)
        self.lease = lease()

    def divert(self, diversion: Diversion) -> None:
        """Let a supply with this diversion take the place of the other."""
        queue: Any = self.queue
        threads: Any = NoThreads()
        self.supply = Supply(queue, threads, self.holdings, Budget(), self.tray, lambda _: 50, diversion)

    def claim(self, limit: int = 99, now: float = 0.0) -> int:
        claimed = run(self.supply.claim(self.lease, limit, now))
        self.twice = claimed.kept
        return claimed.count

    def load(self) -> list[Parcel]:
        """Load as long as there is memory, and take all from the tray."""
        run(self.supply.load())
        while self.supply.can_load:
            run(self.supply.load())
        return self.taken()

    def taken(self) -> list[Parcel]:
        parcels = []
        while (parcel := self.tray.take()) is not None:
            parcels.append(parcel)
        return parcels

    def want(self) -> Parcel:
        """Claim, load and ask for a rescued delivery; return its parcel."""
        self.claim()
        self.load()
        (wanted,) = self.tray.wanted
        return wanted


def mails(count: int, size: int = 1000) -> list[Claim]:
    return [claim(n, message_id=UUID(int=n), size=size) for n in range(1, count + 1)]
