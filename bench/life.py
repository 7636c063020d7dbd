"""A history that looks like life: three months of many people's mail, and the small queue of this minute.

Everything follows from the number of a mail, so each database holds the same.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import String, and_, case, cast, insert, literal, null, or_, select
from sqlalchemy.sql.elements import Grouping

from bench.fill import N, Rows
from outbox.mail.status import Lane, Move, Reason, Status
from outbox.store.clock import utc_after, utc_now
from outbox.store.schema import GateKind, SessionState, attempt, delivery, gate, session, suppression, tag

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Engine

    from bench.fill import Filler

BUSIEST = "ops@example.org"
"""Gets every twentieth mail; each of the others some 25."""

_DAYS = 90
_DOMAINS = 50
_CAMPAIGN = 2_000
_IN_CAMPAIGN = 250
_PENDING = 1_000
_LATER = 250
_PARKED = 50
_SESSIONS = 200
_RUNNING = 2
_SUPPRESSED = 500

_d = delivery.c
_IS_FAILED = N % 100 == 0
_IS_SUPPRESSED = N % 1_000 == 0
_IS_EXPIRED = N % 200 == 1
_IS_CANCELLED = N % 200 == 101
_IS_DOUBTED = N % 500 == 3
_IS_SECOND = N % 50 == 7
_IS_BULK = N % 4 == 2


def named(mails: int) -> dict[str, str]:
    """Return what a question may name among so many finished mails, by the parameters of docs/sql.md."""
    old = mails // 1_000 * 500
    return {
        "recipient": BUSIEST,
        "order": str(old),
        "key": f"receipt-{old}",
        "id": f"{old:032x}",
        # The last but one: a hundredth one failed.
        "queue_id": f"4B{mails - 2}",
        "campaign": "0",
    }


def live(engine: Engine, filler: Filler, mails: int) -> None:
    """Add so many finished mails of the last 90 days, and what waits now."""
    with filler.unindexed():
        _finish(filler, mails)
    _wait(filler, mails)
    _surround(engine)
    _attempt(engine)


def _finish(filler: Filler, mails: int) -> None:
    """Add the finished ones: 98 in a hundred were sent, one failed, one expired or was cancelled."""
    pace = _DAYS * 86_400 / mails
    ended = _after((N - mails) * pace)
    status = case(
        (_IS_FAILED, Status.FAILED.value),
        (_IS_EXPIRED, Status.EXPIRED.value),
        (_IS_CANCELLED, Status.CANCELLED.value),
        else_=Status.SENT.value,
    )
    is_untold = or_(_IS_EXPIRED, _IS_CANCELLED, _IS_SUPPRESSED)
    reason = case(
        (_IS_SUPPRESSED, Reason.SUPPRESSED.value),
        (_IS_EXPIRED, Reason.EXPIRED.value),
        (_IS_CANCELLED, Reason.PERSON.value),
    )
    stream = case((_IS_BULK, "bulk"), (N % 20 == 5, "tenant-7"), else_="default")
    created = _after((N - mails) * pace - N % 30 - 1)
    values = {
        "recipient": case((N % 20 == 11, BUSIEST), else_=_customer(N, mails)),
        "stream": stream,
        "status": status,
        "due_at": created,
        "judged_at": case((~is_untold, ended)),
        "finished_at": ended,
        "attempts": case((_IS_SECOND, 2), (is_untold, 0), else_=1),
        "fence": case((_IS_SECOND, 2), else_=1),
        "doubts": case((_IS_DOUBTED, 1), else_=0),
        "lane": case((_IS_SECOND, int(Lane.RETRY)), else_=int(Lane.FRESH)),
        "relay": case((~is_untold, case((_IS_BULK, "bulk"), else_="main"))),
        "reply_code": case((is_untold, null()), (_IS_FAILED, 550), else_=250),
        "reply": case(
            (is_untold, null()), (_IS_FAILED, "5.1.1 No such user"), else_=_words("Ok: queued as 4B", N)
        ),
        "queue_id": case((status == Status.SENT.value, _words("4B", N))),
        "reason": reason,
    }
    heads = {
        "created_at": created,
        "stream": stream,
        "subject": _words("Your order ", N, " is on its way"),
        "idempotency_key": case((N % 5 == 0, _words("receipt-", N))),
    }
    more = (
        _tags(filler, "order", N, N % 25 == 0),
        _tags(filler, "campaign", N // (_CAMPAIGN * _IN_CAMPAIGN), N % _IN_CAMPAIGN == 2),
    )
    filler.add(mails, values, "0", heads=heads, more=more)


def _customer(number: ColumnElement[int], mails: int) -> ColumnElement[str]:
    person = number * 7_919 % max(mails // 25, 1)
    return _words("customer", person, "@mail", person % _DOMAINS, ".example")


def _tags(filler: Filler, name: str, value: ColumnElement[int], when: ColumnElement[bool]) -> Rows:
    return Rows(tag, {"name": name, "value": _words(value), "message_id": filler.id}, when)


def _words(*parts: str | ColumnElement[int]) -> ColumnElement[str]:
    words: list[ColumnElement[str]] = [
        literal(part) if isinstance(part, str) else cast(part, String(20)) for part in parts
    ]
    return reduce(lambda before, after: before.concat(after), words)


def _after(seconds: ColumnElement[Any]) -> ColumnElement[Any]:
    return utc_after(Grouping(seconds))


def _wait(filler: Filler, mails: int) -> None:
    """Add what waits: fresh mail, some for later, retries, and what is held or in doubt."""
    told = {"relay": "main", "attempts": 1, "fence": 1, "judged_at": utc_now()}
    deferred = {**told, "lane": int(Lane.RETRY), "reply_code": 451, "reply": "4.7.1 Greylisted"}
    parked = {**told, "stream": "bulk", "doubts": 3}
    lots: tuple[tuple[int, dict[str, Any], str], ...] = (
        (_PENDING // 2, {}, "-0.01 * (n % 500)"),
        (_PENDING // 4, deferred, "n % 3600"),
        (_LATER, {}, "3600 + n"),
        (_PARKED, {**parked, "status": Status.HELD.value, "reason": Reason.PERSON.value}, "0"),
        (_PARKED, {**parked, "status": Status.IN_DOUBT.value}, "0"),
    )
    expires = {"expires_at": case((N % 10 == 0, _after(60 + N % 100 * 60)))}
    for count, values, due_in in lots:
        filler.add(count, {"recipient": _customer(N, mails), **expires, **values}, due_in)


def _surround(engine: Engine) -> None:
    """Add the runs of daemons, a relay with a fault, a stream that is paused, addresses that get no mail."""
    runs = [
        {"id": UUID(int=n), "state": (SessionState.RUNNING if n < _RUNNING else SessionState.STOPPED).value}
        for n in range(_SESSIONS)
    ]
    run = {"host": "host", "pid": 1, "version": "1", "ttl": 60}
    addresses = [{"address": f"left{n}@example.com"} for n in range(_SUPPRESSED)]
    with engine.begin() as connection:
        connection.execute(insert(session), [{**run, **each} for each in runs])
        connection.execute(insert(suppression), [{"why": "unsubscribed", **each} for each in addresses])
        gates = insert(gate).values(kind=GateKind.RELAY.value, name="main")
        connection.execute(gates.values(fault="refused our password", fault_at=utc_now()))
        pauses = insert(gate).values(kind=GateKind.STREAM.value, name="bulk")
        connection.execute(pauses.values(paused_at=utc_now(), paused_by="bob", paused_why="too fast"))


def _attempt(engine: Engine) -> None:
    """Add what was written down of finished mails, in the order in which they ended."""
    verdict = case(
        (_d.status == Status.CANCELLED.value, "cancel"),
        (_d.status == Status.FAILED.value, Move.REFUSE.value),
        (_d.doubts > 0, Move.DOUBT_RESEND.value),
        else_=Move.DELIVER.value,
    )
    who = case((_d.status == Status.CANCELLED.value, "bob"))
    is_first = and_(_d.finished_at.is_not(None), _d.attempts > 1)
    is_told = and_(
        _d.finished_at.is_not(None), or_(_d.status != Status.SENT.value, _d.doubts > 0, _d.attempts > 1)
    )
    columns = ["delivery_id", "fence", "relay", "at", "reply", "verdict", "who"]
    for rows in (
        select(_d.id, 1, _d.relay, _d.judged_at, literal("4.7.1 Greylisted"), literal("defer"), null()).where(
            is_first
        ),
        select(_d.id, _d.fence, _d.relay, _d.finished_at, _d.reply, verdict, who).where(is_told),
    ):
        with engine.begin() as connection:
            connection.execute(insert(attempt).from_select(columns, rows.order_by(_d.id)))
