"""Crowds in one queue: nothing is held twice, and nobody hears of a deadlock."""

import itertools
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from outbox.mail.request import Request
from outbox.mail.status import Move, Status
from outbox.store.moves import Claim
from outbox.store.requests import ask
from outbox.store.schema import SessionState, delivery
from tests.contract.crowd import at_once
from tests.contract.ends import OWNED, record, settlement
from tests.contract.scene import Scene, ago
from tests.plans.history import History


def test_fault_1_many_claimers_at_once_never_hold_one_delivery_under_one_fence(scene: Scene) -> None:
    mails, claimers, limit = (2_000, 4, 50) if scene.is_sqlite else (20_000, 32, 100)
    history = History(scene)
    history.add(mails * 3 // 4, "pending")
    history.add(mails // 4, "pending", lane=1)
    held: list[tuple[int, int]] = []
    holders = {}

    def claim_all() -> None:
        with scene.another() as mine:
            me = mine.start()
            while claims := mine.queue.claim(me, limit):
                held.extend((claim.delivery_id, claim.fence) for claim in claims)
                again = [claim for claim in claims[: limit // 10] if claim.fence == 1]
                holders.update(
                    dict.fromkeys((claim.delivery_id for claim in claims if claim not in again), me)
                )
                record(mine.queue, me, [settlement(claim, Move.RELEASE) for claim in again])

    at_once(*[claim_all] * claimers)
    rows = scene.rows()
    assert len(held) == len(set(held))
    assert {row.id: row.fence for row in rows} == Counter(id_ for id_, _ in held)
    assert holders == {row.id: row.session for row in rows}
    assert len(rows) == mails < len(held)


@pytest.mark.parametrize("shared_url", ["postgresql", "mysql"], indirect=True)
def test_fault_21_daemons_and_applications_that_do_everything_at_once_hear_of_no_deadlock(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, report: Callable[[str], None]
) -> None:
    retried = Counter[str]()
    is_retryable = type(scene.database.dialect).is_retryable

    def counted(dialect: object, error: Exception) -> bool:
        answer = is_retryable(dialect, error)  # type: ignore[arg-type] # whichever dialect it is
        retried[str(getattr(error, "orig", error)).split("\n", 1)[0][:60]] += answer
        return answer

    monkeypatch.setattr(type(scene.database.dialect), "is_retryable", counted)
    crowd = Crowd(scene)
    roles = [crowd.enqueue, crowd.send, crowd.send_and_die, crowd.rescue, crowd.expire, crowd.interfere]
    at_once(*roles * 3)
    report(f"{scene.application.dialect.name}, a crowd of {3 * len(roles)}: retried {dict(retried)}")
    crowd.settle()
    counts = scene.queue.counts()
    assert counts.keys().isdisjoint({Status.PENDING, Status.SENDING})
    assert sum(counts.values()) == crowd.enqueued == scene.count()
    assert counts[Status.SENT] > crowd.enqueued // 10


class Crowd:
    """What daemons, applications and people do to one queue, each from a place of its own."""

    ROUNDS = 60

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._keys = itertools.count()

    @property
    def enqueued(self) -> int:
        return 10 * 3 * self.ROUNDS

    def enqueue(self) -> None:
        with self.scene.another() as page:
            for _ in range(self.ROUNDS):
                page.mail(5)
                page.mail(1, expires_at=None, key=f"k{next(self._keys)}")
                page.change(page.mail(4), expires_at=ago(0.05))

    def send(self) -> None:
        with self.scene.another() as daemon:
            me = daemon.start()
            for _ in range(2 * self.ROUNDS):
                self._finish(daemon, me, daemon.queue.claim(me, 20))

    def send_and_die(self) -> None:
        with self.scene.another() as daemon:
            for _ in range(self.ROUNDS // 2):
                me = daemon.start()
                claims = daemon.queue.claim(me, 10)
                daemon.sessions.enter(me, SessionState.STOPPED)
                # Its verdicts come late, beside the rescue of what it held.
                self._finish(daemon, me, claims[::2])

    def rescue(self) -> None:
        with self.scene.another() as daemon:
            for _ in range(self.ROUNDS):
                daemon.queue.rescue()

    def expire(self) -> None:
        with self.scene.another() as daemon:
            for _ in range(self.ROUNDS):
                daemon.queue.expire()

    def interfere(self) -> None:
        """Ask for what is being sent, and hold what waits, as a person does."""
        some = select(delivery.c.id).order_by(delivery.c.id).limit(10)
        with self.scene.another() as person:
            for request in [Request.CANCEL, Request.HOLD] * (self.ROUNDS // 2):
                # Many rows in one transaction may meet a record that locks them in another order: whoever
                # loses runs again, and here that may be the person.
                for few in (some.where(delivery.c.status == "sending"), some.limit(1)):
                    with suppress(OperationalError), person.application.begin() as connection:
                        ids = connection.execute(few).scalars().all()
                        ask(connection, ids, request, who="ann", note=None)

    def settle(self) -> None:
        """Send what is left, also what had to wait."""
        self.scene.queue.rescue()
        self.scene.queue.expire()
        with self.scene.admin.begin() as connection:
            connection.execute(update(delivery).values(due_at=ago(3600)))
        me = self.scene.start()
        while self.scene.queue.has_due():
            claims = self.scene.queue.claim(me, 200)
            record(self.scene.queue, me, [settlement(claim, Move.DELIVER) for claim in claims])

    def _finish(self, daemon: Scene, me: object, claims: list[Claim]) -> None:
        moves = [OWNED[(claim.delivery_id + claim.fence) % len(OWNED)] for claim in claims]
        ends = [
            settlement(claim, move, **({"delay": 0.0} if move in {Move.DEFER, Move.DOUBT_RESEND} else {}))
            for claim, move in zip(claims, moves, strict=True)
        ]
        record(daemon.queue, me, ends)
