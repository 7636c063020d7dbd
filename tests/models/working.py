"""What an application and daemons do to a queue, beside the mirror that must agree with it."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import NamedTuple, TypeVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import update

from outbox.mail.request import Request
from outbox.mail.status import Lane, Move, OnDoubt, Settlement
from outbox.store.lanes import LONGEST, Lanes
from outbox.store.moves import Claim
from outbox.store.queue import Queue
from outbox.store.requests import ask
from outbox.store.schema import delivery, session
from tests.contract.ends import OWNED, PAUSE, settlement
from tests.contract.scene import Scene
from tests.models.legal import faults, floors_of
from tests.models.mirror import Mirror
from tests.models.photo import compare, take

T = TypeVar("T")

# Which of those that there are: the rule takes it modulo their number.
which = st.integers(0, 7)
waits = st.sampled_from([0, 450, 1000])
doubts = st.sampled_from([OnDoubt.RESEND, OnDoubt.RESEND, OnDoubt.HOLD, OnDoubt.ASSUME_SENT])
# More of those after which there is something left to do.
ends = st.sampled_from([*OWNED, *[Move.DEFER, Move.DOUBT_RESEND, Move.RELEASE] * 2])
commits = st.sampled_from(["answered", "answered", "lost", "failed"])


class Hand(NamedTuple):
    """A claim that a daemon knows of and has not answered."""

    holder: UUID
    claim: Claim


class Unsure(NamedTuple):
    """Verdicts of which a daemon does not know whether they are written."""

    holder: UUID
    ends: list[Settlement]


class Working(RuleBasedStateMachine):
    """Several daemons, of which some scan from the left edge each time, and some from their floors.

    Every rule does the same to the queue and to the mirror; `agree` runs behind each.
    """

    def __init__(self, scene: Scene, tally: Counter[str]) -> None:
        super().__init__()
        scene.empty()
        self.scene, self.tally = scene, tally
        self.photo = take(scene)
        self.mirror = Mirror(self.photo.now)
        self.holders: dict[tuple[int, int], UUID] = {}
        self.runs: list[UUID] = []
        self.hands: list[Hand] = []
        self.unsure: list[Unsure] = []
        # The clock of the lanes: for the first it is always time to look from the left, for the second never.
        self.clock = 0.0
        hurried = count(step=LONGEST)
        self.lanes = [Lanes(lambda: next(hurried)), Lanes(lambda: self.clock)]
        self.queues = [Queue(scene.database, lanes) for lanes in self.lanes]

    @invariant()
    def agree(self) -> None:
        """Compare everything with the mirror, and with how it was before."""
        after = take(self.scene)
        compare(self.photo, after, self.mirror)
        for row in after.deliveries.values():
            if row["session"] is not None:
                holder = self.holders.setdefault((row["id"], row["fence"]), row["session"])
                assert row["session"] == holder, "two sessions held it under one fence"
        self.tally.update(
            f"{note['verdict']}{' late' if note['late'] else ''}"
            for note in after.attempts[len(self.photo.attempts) :]
        )
        self.tally["steps"] += 1
        self.photo, self.mirror.now = after, after.now
        self.mirror.attempts.clear()

    @rule(
        recipients=st.integers(1, 3),
        on_doubt=doubts,
        later=st.sampled_from([False, False, True]),
        expires=st.booleans(),
        commits=st.sampled_from([True, True, False]),
    )
    def enqueue(
        self, recipients: int, on_doubt: OnDoubt, *, later: bool, expires: bool, commits: bool
    ) -> None:
        if not commits:
            with self.scene.application.connect() as connection:
                self.scene.outbox.enqueue(connection, to="ann@example.org", text="Hello.")
                connection.rollback()
            return
        now = datetime.now(UTC)
        ids = self.scene.mail(
            to=[f"{n}@example.org" for n in range(recipients)],
            on_doubt=on_doubt,
            send_at=now + timedelta(seconds=300) if later else None,
            expires_at=now + timedelta(seconds=700) if expires else None,
        )
        assert len(ids) == recipients
        for id_ in ids:
            self.mirror.enqueue(self.scene.row(id_)._asdict(), on_doubt, later=later)

    @precondition(lambda self: self.photo.deliveries)
    @rule(
        some=st.lists(which, min_size=1, max_size=6),
        request=st.sampled_from(Request),
        commits=st.sampled_from([True, True, True, False]),
    )
    def ask(self, some: list[int], request: Request, *, commits: bool) -> None:
        ids = {one(sorted(self.photo.deliveries), n) for n in some}
        with self.scene.application.connect() as connection, connection.begin() as transaction:
            changes = ask(connection, sorted(ids), request, who="ann", note=None)
            if commits:
                transaction.commit()
                found = [(change.delivery_id, change.after, change.done) for change in changes]
                assert found == self.mirror.ask(ids, request)
                self.tally.update(f"asked {request}" for change in changes if change.done)
            else:
                transaction.rollback()

    @rule(
        n=which,
        limit=st.integers(1, 6),
        queue=st.integers(0, 1),
        wait=waits,
        moves=st.lists(ends, max_size=4),
        commit=commits,
    )
    def work(self, n: int, limit: int, queue: int, wait: int, moves: list[Move], commit: str) -> None:
        """Claim and answer: what daemons do for the most part."""
        self.pass_time(wait, 0.0)
        if not any(map(self.mirror.is_due, self.mirror.deliveries.values())):
            self.enqueue(3, OnDoubt.RESEND, later=False, expires=False, commits=True)
        self.agree()
        self.claim(n, limit, queue, alone=True, heard=True)
        self.agree()
        if self.hands:
            self.answer(len(self.hands) - 1, moves, queue, commit, loud=False)

    @rule(n=which, limit=st.integers(1, 6), queue=st.integers(0, 1), alone=st.booleans(), heard=st.booleans())
    def claim(self, n: int, limit: int, queue: int, *, alone: bool, heard: bool) -> None:
        me = one(self.runs, n)
        floors = floors_of(self.lanes[queue].look())
        due = [row for row in self.mirror.deliveries.values() if self.mirror.is_due(row)]
        claims = self.queues[queue].claim(me, limit, alone=alone)
        taken = [claim.delivery_id for claim in claims]
        assert faults(due, taken, limit, floors, alone=alone) == []
        for claim in claims:
            row = self.mirror.deliveries[claim.delivery_id]
            told = claim.fence - 1, claim.lane, claim.due_at, claim.attempts, claim.doubts
            assert told == (row["fence"], row["lane"], row["due_at"], row["attempts"], row["doubts"])
        self.mirror.claim(taken, me)
        if heard:
            self.hands += [Hand(me, claim) for claim in claims]
        self.tally.update(f"claimed {claim.lane.name}" for claim in claims)

    @rule(queue=st.integers(0, 1), alone=st.booleans())
    def look(self, queue: int, *, alone: bool) -> None:
        floors = floors_of(self.lanes[queue].look())
        expected = any(
            row["due_at"] >= floors[Lane(row["lane"])] and (alone or row["lane"] != Lane.ALONE)
            for row in self.mirror.deliveries.values()
            if self.mirror.is_due(row)
        )
        assert expected == self.queues[queue].has_due(alone=alone)

    @precondition(lambda self: self.hands)
    @rule(n=which)
    def announce(self, n: int) -> None:
        holder, claim = one(self.hands, n)
        announced = self.mirror.announce(claim.delivery_id, claim.fence, holder)
        assert self.queues[0].announce(holder, [claim]) == {claim.delivery_id: announced}

    @precondition(lambda self: self.hands)
    @rule(
        first=which,
        moves=st.lists(ends, min_size=1, max_size=4),
        loud=st.booleans(),
        queue=st.integers(0, 1),
        commit=commits,
    )
    def answer(self, first: int, moves: list[Move], queue: int, commit: str, *, loud: bool) -> None:
        me = one(self.hands, first).holder
        # A daemon has one verdict of a delivery at a time.
        mine = {hand.claim.delivery_id: hand for hand in self.hands if hand.holder == me}
        chosen = list(zip(reversed(mine.values()), moves, strict=False))
        for hand, _ in chosen:
            self.hands.remove(hand)
        ends = [_end(hand.claim, move, loud=loud) for hand, move in chosen]
        if commit != "failed":
            self._record(queue, me, ends, again=False)
        if commit != "answered":
            self.unsure.append(Unsure(me, ends))

    @precondition(lambda self: self.unsure)
    @rule(n=which, queue=st.integers(0, 1), answered=st.booleans())
    def answer_again(self, n: int, queue: int, *, answered: bool) -> None:
        unsure = one(self.unsure, n)
        self._record(queue, *unsure, again=True)
        if answered:
            self.unsure.remove(unsure)

    def _record(self, queue: int, me: UUID, ends: list[Settlement], *, again: bool) -> None:
        # In any order: the store brings them into its own.
        recorded = self.queues[queue].record(me, reversed(ends), doubt_pause=PAUSE, again=again)
        assert recorded == self.mirror.record(me, ends, PAUSE, again=again)

    @rule(n=which, queue=st.integers(0, 1))
    def release_unknown(self, n: int, queue: int) -> None:
        me = one(self.runs, n)
        known = {hand.claim.delivery_id for hand in self.hands if hand.holder == me}
        known |= {end.delivery_id for unsure in self.unsure if unsure.holder == me for end in unsure.ends}
        released = self.mirror.release_unknown(me, known)
        assert released == self.queues[queue].release_unknown(me, known)

    @rule(seconds=waits, steady=st.sampled_from([0.0, LONGEST]))
    def pass_time(self, seconds: int, steady: float) -> None:
        """Let everything be so much longer ago: only the database's own clock compares instants."""
        self.clock += steady
        passed = timedelta(seconds=seconds)
        with self.scene.admin.begin() as connection:
            for id_, row in self.mirror.deliveries.items():
                row.update((name, row[name] and row[name] - passed) for name in ("due_at", "expires_at"))
                changes = {name: row[name] for name in ("due_at", "expires_at")}
                connection.execute(update(delivery).where(delivery.c.id == id_).values(changes))
            for me, row in self.mirror.sessions.items():
                row["beat_at"] -= passed
                change = update(session).where(session.c.id == me).values(beat_at=row["beat_at"])
                connection.execute(change)


def one(some: Sequence[T], n: int) -> T:
    return some[n % len(some)]


def _end(claim: Claim, move: Move, *, loud: bool) -> Settlement:
    """Return the settlement of a claim; a `loud` release keeps the relay's words, and waits."""
    if move is Move.DELIVER:
        first = claim.attempts == 0 and claim.doubts == 0
        return settlement(claim, move, queue_id=f"{claim.delivery_id}-{claim.fence}", noted=not first)
    if move is Move.RELEASE and loud:
        return settlement(claim, move, delay=300.0, answer=settlement(claim, Move.DEFER).answer)
    return settlement(claim, move)
