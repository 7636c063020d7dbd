"""Do to deliveries what people and applications ask, in the caller's transaction: `mail.request` says what.

The rows are locked before they are looked at, in the order that is given, and each write repeats what it was
decided by.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, false, insert, literal_column, not_, null, or_, select, update

from outbox.mail.request import GOALS, REQUESTS, Change, Given, Request, effect
from outbox.mail.status import FINAL, Lane, Status
from outbox.store.batches import FEW, batches
from outbox.store.clock import utc_now
from outbox.store.dialects import dialect_of
from outbox.store.moves import IS_WISHED, PERSON
from outbox.store.schema import attempt, delivery, message
from outbox.store.states import is_still
from outbox.store.suppressions import suppressed_of_many

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from typing import TypeVar
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection

    from outbox.mail.request import Effect

    T = TypeVar("T")

_d = delivery.c
_FRESH = _d.lane == literal_column(str(int(Lane.FRESH)))
_GIVEN: dict[Given, ColumnElement[bool]] = {
    Given.LATE: and_(_d.expires_at.is_not(None), _d.expires_at <= utc_now()),
    Given.WISHED: IS_WISHED,
    Given.DOUBTFUL: or_(_d.doubts > 0, _d.rescues > 0),
    Given.SCHEDULED: and_(_FRESH, _d.due_at > utc_now()),
    Given.FRESH: _FRESH,
}
"""What the row itself tells. The list of suppressed addresses does not wait for us, so no write repeats that
an address is not on it: who gets on it now keeps the mail from going when its turn comes. And nobody erases
the body of a mail while we have a delivery of it locked.
"""

_LOOK = select(
    _d.id,
    _d.message_id,
    _d.recipient,
    _d.size,
    _d.status,
    _d.fence,
    *(case((condition, 1), else_=0).label(given.name) for given, condition in _GIVEN.items()),
)
_ERASED = select(message.c.id).where(message.c.erased_at.is_not(None))
_ATTEMPT = insert(attempt).inline()

_NONE: ColumnElement[int] = literal_column("0")
_ALSO: dict[Request, dict[str, Any]] = {
    # It goes like a fresh mail, and the doubts and crashes of before do not count against it.
    Request.RELEASE: {
        "due_at": utc_now(),
        "lane": literal_column(str(int(Lane.FRESH))),
        "rescues": _NONE,
        "doubts": _NONE,
    },
    # Also as old as a fresh mail, but behind those: many that are tried again must not keep them waiting.
    Request.RETRY: {
        "due_at": utc_now(),
        "lane": literal_column(str(int(Lane.RETRY))),
        "rescues": _NONE,
        "doubts": _NONE,
        "attempts": _NONE,
        "judged_at": null(),
    },
}
"""What a request sets beside the status, its reason and the instant of its end."""


def ask(
    connection: Connection,
    ids: Sequence[int],
    request: Request,
    *,
    who: str,
    note: str | None,
    only: Collection[Status] | None = None,
) -> list[Change]:
    """Ask this of the deliveries of these ids, in their order; return what came of it, by id.

    Each that was changed gets an attempt row which says who asked, with a `note`. What is not in one of
    `only` any more is passed over. One that loses a deadlock to a daemon raises what the driver raises: run
    the transaction again.
    """
    changes = []
    for batch in batches(ids):
        found = _effects(connection, locked(connection, batch), request, only)
        groups: defaultdict[tuple[str, Effect], list[int]] = defaultdict(list)
        for row, its_effect in found:
            if its_effect.changes:
                groups[row.status, its_effect].append(row.id)
        for (status, its_effect), group in groups.items():
            write(connection, group, request, Status(status), its_effect)
        write_down(connection, [(row, note) for row, its in found if its.changes], request.value, who)
        changes += [_change(row, request, its_effect) for row, its_effect in found]
    return sorted(changes, key=lambda change: change.delivery_id)


def foresee(
    connection: Connection, ids: Sequence[int], request: Request, *, only: Collection[Status] | None = None
) -> list[Change]:
    """Return what would come of asking this now, and change and lock nothing."""
    look = _LOOK.where(dialect_of(connection.dialect.name).among(_d.id, "ids"))
    return [
        _change(row, request, its_effect)
        for batch in batches(sorted(ids))
        for row, its_effect in _effects(
            connection, connection.execute(look.order_by(_d.id), {"ids": list(batch)}).all(), request, only
        )
    ]


def _effects(
    connection: Connection, rows: Sequence[Any], request: Request, only: Collection[Status] | None
) -> list[tuple[Any, Effect]]:
    """Return what the request does to each of these deliveries that is in one of `only`."""
    meant = [row for row in rows if only is None or row.status in only]
    refused, erased = _refused(connection, meant, request), _erased(connection, meant, request)
    return [(row, effect(request, Status(row.status), _told(row, refused, erased))) for row in meant]


def locked(connection: Connection, ids: Sequence[int]) -> Sequence[Any]:
    """Lock these deliveries and return what is asked about each, in id order."""
    dialect = dialect_of(connection.dialect.name)
    # SQLite's driver begins too late otherwise: somebody could write between the look and the write.
    dialect.begin_for_savepoint(connection)
    look = dialect.locked(_LOOK.where(dialect.among(_d.id, "ids")))
    return connection.execute(look, {"ids": list(ids)}).all()


def _refused(connection: Connection, rows: Sequence[Any], request: Request) -> Collection[str]:
    """Return the recipients that get no mail, of those deliveries where this request asks about that."""
    asked = _asked(rows, request, Given.SUPPRESSED)
    return suppressed_of_many(connection, [row.recipient for row in asked])


def _erased(connection: Connection, rows: Sequence[Any], request: Request) -> Collection[UUID]:
    """Return the messages without a body any more, of those deliveries where this request asks about that.

    Behind the locks, and so that it sees what was erased while it waited for them.
    """
    messages = {row.message_id for row in _asked(rows, request, Given.ERASED)}
    dialect = dialect_of(connection.dialect.name)
    look = dialect.read_back(_ERASED.where(dialect.among(message.c.id, "ids")))
    return {
        id_
        for ids in batches(sorted(messages), FEW)
        for id_ in connection.execute(look, {"ids": list(ids)}).scalars()
    }


def _asked(rows: Sequence[Any], request: Request, given: Given) -> list[Any]:
    """Return the deliveries of which this request asks whether that is given."""
    asks = {status for status, usual in REQUESTS[request].items() if given in usual.but}
    return [row for row in rows if row.status in asks]


def _told(row: Any, refused: Collection[str], erased: Collection[UUID]) -> frozenset[Given]:
    return given(row, is_refused=row.recipient in refused, is_erased=row.message_id in erased)


def given(row: Any, *, is_refused: bool, is_erased: bool) -> frozenset[Given]:
    """Return what else is true of a delivery that was looked at."""
    told = {condition for condition in _GIVEN if getattr(row, condition.name)}
    others = {Given.SUPPRESSED: is_refused, Given.ERASED: is_erased}
    return frozenset(told | {condition for condition, is_true in others.items() if is_true})


def write(
    connection: Connection, ids: Sequence[int], request: Request, status: Status, its_effect: Effect
) -> int:
    """Write one effect on those of these deliveries that it is still the effect on; return how many."""
    dialect = dialect_of(connection.dialect.name)
    statement = (
        update(delivery)
        .where(
            dialect.among(_d.id, "ids"),
            is_still(status),
            _is_the_effect(REQUESTS[request][status], its_effect),
        )
        .values(_values(request, its_effect))
    )
    return connection.execute(dialect.by_id(statement), {"ids": list(ids)}).rowcount


def _is_the_effect(usual: Effect, its_effect: Effect) -> ColumnElement[bool]:
    """Return the condition under which a request that usually does one thing does the other."""
    if its_effect is usual:
        return not_(or_(false(), *(_GIVEN[condition] for condition in usual.but if condition in _GIVEN)))
    return or_(*(_GIVEN[condition] for condition, other in usual.but.items() if other is its_effect))


def _values(request: Request, its_effect: Effect) -> dict[str, Any]:
    if its_effect.withdraws:
        return {"wish": null()}
    if its_effect.target is None:
        return {"wish": literal_column(f"'{its_effect.wish}'")}
    return {
        "status": literal_column(f"'{its_effect.target}'"),
        "reason": PERSON,
        "finished_at": utc_now() if its_effect.target in FINAL else null(),
        **_ALSO.get(request, {}),
    }


def write_down(
    connection: Connection, told: Iterable[tuple[Any, str | None]], verdict: str, who: str
) -> None:
    """Write an attempt row for each of these deliveries: who asked what of it, with what is told of it."""
    rows = [
        {"delivery_id": row.id, "fence": row.fence, "verdict": verdict, "who": who, "detail": detail}
        for row, detail in told
    ]
    if rows:
        connection.execute(_ATTEMPT, rows)


def _change(row: Any, request: Request, its_effect: Effect) -> Change:
    before = Status(row.status)
    return Change(
        delivery_id=row.id,
        message_id=row.message_id,
        recipient=row.recipient,
        before=before,
        after=its_effect.target or before,
        done=its_effect.withdraws or its_effect.target is GOALS[request],
        says=its_effect.says,
    )
