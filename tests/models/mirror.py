"""What the queue must do to its rows, in plain Python: by docs/design.md, not by the store's code.

What is decided stands elsewhere: in the tables of `mail/status.py`, and in `mail/rescue.py`. A row is the
dictionary of all its columns, so that what no rule changes must stay as it is to the last byte.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from outbox.mail.request import GOALS, Given, Request, effect
from outbox.mail.rescue import rescue
from outbox.mail.status import (
    FINAL,
    LATE,
    MOST_DOUBTS,
    MOVES,
    Lane,
    Late,
    Move,
    OnDoubt,
    Reason,
    Settlement,
    Status,
    Wish,
    destination,
)
from outbox.store.schema import SessionState
from outbox.store.verdicts import Recorded
from tests.models.rows import Row, attempt_of, words_of

LIVE = (SessionState.RUNNING, SessionState.STOPPING)
NEAR = timedelta(seconds=75)
"""How far the database's clock may go on during an example: no two instants of its rules are so near."""


@dataclass(frozen=True, slots=True)
class Now:
    """Stands in a row for the database's instant of this change, and so many seconds after it."""

    seconds: float = 0.0


@dataclass(slots=True)
class Mirror:
    """The rows as they must be, by id, and the attempt rows that must be new.

    `now` is the database's instant before the present operation.
    """

    now: datetime
    deliveries: dict[int, Row] = field(default_factory=dict)
    on_doubt: dict[int, OnDoubt] = field(default_factory=dict)
    sessions: dict[UUID, Row] = field(default_factory=dict)
    attempts: list[Row] = field(default_factory=list)
    # The verdicts that were written: with an attempt row, or into the delivery alone.
    _noted: set[tuple[int, int, UUID, Move]] = field(default_factory=set)
    _clean: set[tuple[int, int, UUID, Move]] = field(default_factory=set)
    _late_successes: set[int] = field(default_factory=set)

    def enqueue(self, row: Row, on_doubt: OnDoubt, *, later: bool) -> None:
        """Take a new row as it is, but for what every new one must say."""
        row.update(status=Status.PENDING, fence=0, lane=Lane.FRESH, attempts=0, doubts=0, rescues=0)
        row.update(session=None, wish=None, announced=None, reason=None, finished_at=None)
        row["due_at"] = Now(300.0 if later else 0.0)
        self.deliveries[row["id"]] = row
        self.on_doubt[row["id"]] = on_doubt

    def is_due(self, row: Row) -> bool:
        """Tell whether a claim may take this delivery."""
        waits: bool = row["status"] == Status.PENDING and row["due_at"] < self.now + NEAR
        return waits and not self._is_too_late(row)

    def _is_too_late(self, row: Row) -> bool:
        return row["expires_at"] is not None and row["expires_at"] < self.now + NEAR

    def claim(self, ids: Iterable[int], holder: UUID) -> None:
        """Hold these for a session under their next fence."""
        for id_ in ids:
            row = self.deliveries[id_]
            row.update(status=Status.SENDING, session=holder, fence=row["fence"] + 1, wish=None)

    def is_held(self, id_: int, fence: int, holder: UUID) -> bool:
        """Tell whether a session still holds what it claimed under this fence."""
        row = self.deliveries[id_]
        return bool((row["status"], row["fence"], row["session"]) == (Status.SENDING, fence, holder))

    def announce(self, id_: int, fence: int, holder: UUID) -> bool:
        """Write down that the sending of a rescued delivery begins."""
        held = self.is_held(id_, fence, holder)
        if held:
            self.deliveries[id_]["announced"] = fence
        return held

    def record(self, holder: UUID, batch: Iterable[Settlement], pause: float, *, again: bool) -> Recorded:
        """Write verdicts: in time, late, or perhaps already written."""
        applied = late = dropped = 0
        for end in batch:
            row = self.deliveries[end.delivery_id]
            if self.is_held(end.delivery_id, end.fence, holder):
                applied += 1
                self._end(row, end)
                self._write(end, holder)
            elif again and self._is_written(end, holder):
                applied += 1
            elif LATE[end.move] is Late.DROPPED:
                dropped += 1
            else:
                late += 1
                self._end_late(row, end, pause)
                self._note(end, holder, late=True)
        return Recorded(applied, late, dropped)

    def _write(self, end: Settlement, holder: UUID) -> None:
        if end.noted:
            self._note(end, holder, late=False)
        elif end.move is Move.DELIVER:
            self._clean.add(_known(end, holder))

    def _is_written(self, end: Settlement, holder: UUID) -> bool:
        """Tell whether a verdict that comes again is in the database, or need not be."""
        # Once another's success came late, the delivery does not say any more whose it was.
        is_clean = _known(end, holder) in self._clean and end.delivery_id not in self._late_successes
        return end.move is Move.RELEASE or is_clean or _known(end, holder) in self._noted

    def _end(self, row: Row, end: Settlement) -> None:
        doubtful = _is_doubtful(row)
        if end.judged:
            row["attempts"] += 1
            row["judged_at"] = row["judged_at"] or Now()
            row["rescues"] = 0
        if end.delay is not None:
            row["due_at"] = Now(end.delay)
            if end.judged or row["lane"] == Lane.FRESH:
                row["lane"] = Lane.RETRY
        row["doubts"] += end.doubt
        # A release says something only if the relay did.
        if end.move is not Move.RELEASE or end.answer is not None:
            # What a person let go is theirs until it ends.
            is_theirs = end.target is Status.PENDING and row["reason"] == Reason.PERSON
            row.update(words_of(end), reason=end.reason or (Reason.PERSON if is_theirs else None))
        self._leave(row, end.move, doubtful=doubtful)

    def _end_late(self, row: Row, end: Settlement, pause: float) -> None:
        if LATE[end.move] is Late.WINS and row["status"] != Status.SENT:
            row["doubts"] += row["status"] == Status.SENDING
            row.update(words_of(end), reason=None)
            row.update(status=Status.SENT, session=None, finished_at=Now())
        elif LATE[end.move] is Late.DOUBTS and row["status"] == Status.PENDING:
            row["doubts"] += 1
            row["due_at"] = Now(pause)
            row["lane"] = Lane.RETRY if row["lane"] == Lane.FRESH else row["lane"]
            row["status"] = end.target
            if end.target is Status.SENT:
                row.update(relay=end.relay, reason=Reason.ASSUMED, finished_at=Now())
            elif row["doubts"] >= MOST_DOUBTS:
                row["status"] = Status.IN_DOUBT

    def _leave(self, row: Row, move: Move, *, doubtful: bool) -> None:
        """Let go of a delivery; a wish is granted where it would wait."""
        target = destination(move, Wish(row["wish"]) if row["wish"] else None, doubtful=doubtful)
        if target is not MOVES[move].target:
            row["reason"] = Reason.PERSON
        row.update(status=target, session=None, finished_at=Now() if target in FINAL else None)

    def release_unknown(self, holder: UUID, known: Collection[int]) -> int:
        """Give back what a session holds without knowing."""
        lost = [row for row in self._held() if row["session"] == holder and row["id"] not in known]
        for row in lost:
            self._leave(row, Move.RELEASE, doubtful=_is_doubtful(row))
        return len(lost)

    def rescue(self, pause: float) -> int:
        """Take from the dead what they held."""
        orphans = [row for row in self._held() if not self.lives(row["session"])]
        for row in orphans:
            doubtful = _is_doubtful(row)
            announced = row["announced"] == row["fence"]
            note = attempt_of(row["id"], row["fence"], row["session"])
            move = rescue(self.on_doubt[row["id"]], Lane(row["lane"]), row["rescues"], announced=announced)
            if move is not Move.RESCUE_UNBEGUN:
                row.update(rescues=row["rescues"] + 1, lane=Lane.ALONE)
            if announced:
                row["due_at"] = Now(pause)
            row["reason"] = Reason.POISON if move is Move.RESCUE_POISON else None
            self._leave(row, move, doubtful=doubtful)
            self.attempts.append(note | {"verdict": move.value})
        return len(orphans)

    def expire(self) -> int:
        """End what waits and is too late."""
        late = [
            row
            for row in self.deliveries.values()
            if row["status"] == Status.PENDING and self._is_too_late(row)
        ]
        for row in late:
            row.update(status=Status.EXPIRED, reason=Reason.EXPIRED, finished_at=Now())
        return len(late)

    def ask(self, ids: Collection[int], request: Request) -> list[tuple[int, Status, bool]]:
        """Do what is asked of these; return where each stands then, and whether it was to be there."""
        return [(id_, *self._ask(self.deliveries[id_], request)) for id_ in sorted(ids)]

    def _ask(self, row: Row, request: Request) -> tuple[Status, bool]:
        found = effect(request, Status(row["status"]), self._given(row))
        if found.changes:
            note = attempt_of(row["id"], row["fence"], None)
            self.attempts.append(note | {"verdict": request.value})
        if found.wish is not None:
            row["wish"] = found.wish
        if found.withdraws:
            row["wish"] = None
        if found.target is not None:
            row.update(status=found.target, reason=Reason.PERSON)
            row["finished_at"] = Now() if found.target in FINAL else None
            if request is Request.RELEASE:
                row.update(due_at=Now(), lane=Lane.FRESH, rescues=0, doubts=0)
            if request is Request.RETRY:
                row.update(due_at=Now(), lane=Lane.RETRY, rescues=0, doubts=0, attempts=0, judged_at=None)
        return Status(row["status"]), found.withdraws or found.target is GOALS[request]

    def _given(self, row: Row) -> set[Given]:
        is_fresh = row["lane"] == Lane.FRESH
        told = {
            Given.DOUBTFUL: _is_doubtful(row),
            Given.LATE: self._is_too_late(row),
            Given.WISHED: row["wish"] is not None,
            Given.FRESH: is_fresh,
            Given.SCHEDULED: is_fresh and row["due_at"] > self.now + NEAR,
        }
        return {condition for condition, is_true in told.items() if is_true}

    def _held(self) -> list[Row]:
        return [row for row in self.deliveries.values() if row["status"] == Status.SENDING]

    def lives(self, me: UUID) -> bool:
        """Tell whether a session is neither stopped nor lost."""
        return self.sessions[me]["state"] in LIVE

    def beat(self, me: UUID, **changes: Any) -> bool:
        """Renew a lease, or move a session to another state."""
        if not self.lives(me):
            return False
        self.sessions[me].update(changes, beat_at=Now())
        return True

    def declare_lost(self, me: UUID, trusted: float) -> int:
        """Declare lost whoever else is silent for longer than its own TTL, if one's own beat is fresh."""
        if not self.lives(me) or self._is_silent(me, trusted):
            return 0
        silent = [
            row for id_, row in self.sessions.items() if self.lives(id_) and self._is_silent(id_, row["ttl"])
        ]
        for row in silent:
            row["state"] = SessionState.LOST
        return len(silent)

    def _is_silent(self, me: UUID, seconds: float) -> bool:
        beat: datetime = self.sessions[me]["beat_at"]
        return self.now - beat > timedelta(seconds=seconds)

    def _note(self, end: Settlement, holder: UUID, *, late: bool) -> None:
        words = words_of(end)
        del words["queue_id"]
        note = attempt_of(end.delivery_id, end.fence, holder) | words
        self.attempts.append(note | {"stage": end.stage, "verdict": end.move.value, "late": late})
        self._noted.add(_known(end, holder))
        if late and end.move is Move.DELIVER:
            self._late_successes.add(end.delivery_id)


def _known(end: Settlement, holder: UUID) -> tuple[int, int, UUID, Move]:
    return end.delivery_id, end.fence, holder, end.move


def _is_doubtful(row: Row) -> bool:
    """Tell whether a relay may hold a delivery by what was sent before."""
    return bool(row["doubts"] or row["rescues"])
