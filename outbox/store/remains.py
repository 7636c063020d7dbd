"""What a session has left behind that is known to be over: one way to look, and the moves that end it.

Only who knows that the session's process is gone may use these, and who knows how far it had come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from sqlalchemy import and_, bindparam, case, false, insert, literal, null, select, true, update

from outbox.mail.status import Lane, Move, OnDoubt, Status
from outbox.store.batches import FEW
from outbox.store.clock import utc_now
from outbox.store.moves import CLAIMED, IS_WISHED, PERSON, Claim, granted, is_cancelled
from outbox.store.schema import SessionState, attempt, delivery, message, session
from outbox.store.states import IS_SENDING, is_still
from outbox.store.types import Guid

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from outbox.mail.status import Settlement
    from outbox.store.database import Database

_d = delivery.c
_IS_ITS = _d.session == bindparam("gone", type_=Guid)
_STANDING = select(
    *CLAIMED,
    _d.status,
    _d.session,
    select(message.c.on_doubt).where(message.c.id == _d.message_id).scalar_subquery().label("on_doubt"),
)
_FENCED = select(_d.message_id, _d.n, _d.fence, _d.status, _d.session)
_HELD = _STANDING.where(_IS_ITS, IS_SENDING)
_NOTED = select(attempt.c.delivery_id, attempt.c.fence).where(
    attempt.c.session == bindparam("gone", type_=Guid)
)
_counted = session.c.sent + session.c.failed + session.c.deferred
_BEATEN = select(_counted.label("ends"), session.c.epoch).where(session.c.id == bindparam("gone", type_=Guid))
_OVER = (
    update(session)
    .where(
        session.c.id == bindparam("gone", type_=Guid),
        session.c.state.in_([SessionState.RUNNING.value, SessionState.STOPPING.value]),
    )
    .values(state=SessionState.LOST.value)
)
_IS_HELD = and_(
    _d.id == bindparam("delivery"),
    _d.message_id == bindparam("message", type_=Guid),
    _d.fence == bindparam("claimed"),
    _IS_ITS,
    is_still(Status.SENDING),
)
_SET_APART = (
    update(delivery)
    .where(_IS_HELD)
    .ordered_values(
        # No dot of it went out: a wish is granted in full.
        (_d.status, granted(true(), false(), literal(Status.PENDING.value))),
        (_d.finished_at, case((is_cancelled(true(), false()), utc_now()), else_=null())),
        (_d.reason, case((IS_WISHED, PERSON), else_=_d.reason)),
        (_d.session, null()),
        (_d.lane, literal(int(Lane.ALONE))),
    )
)
# Locked by somebody it is left: who waited here would begin no session.
_FREE = select(_d.id).where(_d.id == bindparam("delivery")).with_for_update(skip_locked=True)
_TAKE_OVER = update(delivery).where(_IS_HELD).values(session=bindparam("me", type_=Guid))
_DETAIL = "its daemon was killed while a sender had it in hand, before its final dot: the journal says so"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a delivery stands now; `claim` is as if it had been claimed now, under the fence that it has."""

    claim: Claim
    status: Status
    on_doubt: OnDoubt
    session: UUID | None = None


class Named(Protocol):
    """What names one claim of one recipient: a Claim, or what a line of a journal says of it."""

    @property
    def message_id(self) -> UUID: ...  # noqa: D102 - as in Claim
    @property
    def n(self) -> int: ...  # noqa: D102 - as in Claim
    @property
    def fence(self) -> int: ...  # noqa: D102 - as in Claim


class Beaten(NamedTuple):
    """What the row of a session says: how many ends it had counted at its last beat, and its epoch."""

    ends: int
    epoch: int | None


class Remains:
    """What sessions of one database have left."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted = _NOTED.where(database.dialect.among(attempt.c.delivery_id, "ids"))
        among = database.dialect.among(_d.message_id, "ids")
        self._named, self._fenced = _STANDING.where(among), _FENCED.where(among)

    def is_known(self, gone: UUID) -> bool:
        """Tell whether this session is one of this database."""
        return self.beaten(gone) is not None

    def beaten(self, gone: UUID) -> Beaten | None:
        """Return what the row of this session says; None if it is not known."""
        found = self._database.read(
            lambda connection: connection.execute(_BEATEN, {"gone": gone}).one_or_none()
        )
        return None if found is None else Beaten(int(found.ends), found.epoch)

    def held(self, gone: UUID) -> list[Standing]:
        """Return what a session still holds."""
        return self._read(_HELD, {"gone": gone})

    def named(self, ids: Iterable[UUID]) -> dict[tuple[UUID, int], Standing]:
        """Return how the recipients of these messages stand, by message and number; some may be gone."""
        left = list(dict.fromkeys(ids))
        found: dict[tuple[UUID, int], Standing] = {}
        while left:
            some, left = left[:FEW], left[FEW:]
            for standing in self._read(self._named, {"ids": some}):
                found[standing.claim.message_id, standing.claim.n] = standing
        return found

    def noted(self, gone: UUID, ids: Sequence[int]) -> set[tuple[int, int]]:
        """Return the claims of a session on some of these deliveries whose ends left a trace, with fences."""
        rows = self._database.read(
            lambda connection: connection.execute(self._noted, {"gone": gone, "ids": ids}).all()
        )
        return {(row.delivery_id, row.fence) for row in rows}

    def forgotten(self, holder: UUID, ended: Sequence[Named]) -> Iterator[bool]:
        """Tell of each end that the database once confirmed to `holder` whether it lacks that, in order.

        A fence never falls, and who has recorded an end holds the claim no more. Of mail that is not there
        nothing is told: it may have been deleted.
        """
        for first in range(0, len(ended), FEW):
            some = ended[first : first + FEW]
            found = self._fences(some)
            for one in some:
                if (row := found.get((one.message_id, one.n))) is not None:
                    now = (row.fence, row.status, row.session)
                    yield row.fence < one.fence or now == (one.fence, Status.SENDING.value, holder)

    def lacks(self, claims: Sequence[Named]) -> bool:
        """Tell whether the database lacks one of these claims, which it once confirmed: a fence never falls.

        They are at most FEW; of mail that is not there nothing is told, either.
        """
        found = self._fences(claims)
        return any(
            (row := found.get((one.message_id, one.n))) is not None and row.fence < one.fence
            for one in claims
        )

    def _fences(self, claims: Sequence[Named]) -> dict[tuple[UUID, int], Any]:
        """Return the rows of _FENCED that these name, by message and number: a daemon asks each second."""
        if not claims:
            return {}
        ids = list({one.message_id for one in claims})
        rows = self._database.read(lambda connection: connection.execute(self._fenced, {"ids": ids}).all())
        return {(row.message_id, row.n): row for row in rows}

    def set_apart(self, gone: UUID, claims: Collection[Claim]) -> int:
        """Give back what a dead daemon had in hand, and no dot of it went out; it goes alone from now on.

        For it may be what killed the daemon. That is not counted: only a crash while it goes alone is.
        """
        return self._database.write(lambda connection: _set_apart(connection, gone, claims)) if claims else 0

    def take_over(self, me: UUID, gone: UUID, settlements: Iterable[Settlement]) -> list[Settlement]:
        """Let `me` hold on what the session `gone` still holds, under its fence; return the verdicts on it.

        Not what somebody has locked. `gone` is that of a daemon before in this process, whose verdicts the
        database refuses: without a session that beats the mails would be rescued, and go again.
        """
        return self._database.write(lambda connection: _take_over(connection, me, gone, settlements))

    def over(self, gone: UUID) -> None:
        """Declare a session lost whose process is gone: what it may still hold is rescued at once."""
        self._database.write(lambda connection: connection.execute(_OVER, {"gone": gone}))

    def _read(self, statement: Any, parameters: dict[str, Any]) -> list[Standing]:
        rows = self._database.read(lambda connection: connection.execute(statement, parameters).all())
        return [
            Standing(
                Claim.from_row(row[: len(CLAIMED)]), Status(row.status), OnDoubt(row.on_doubt), row.session
            )
            for row in rows
        ]


def _take_over(
    connection: Connection, me: UUID, gone: UUID, settlements: Iterable[Settlement]
) -> list[Settlement]:
    taken = []
    for settlement in settlements:
        if connection.execute(_FREE, {"delivery": settlement.delivery_id}).scalar() is None:
            continue
        names = {
            "delivery": settlement.delivery_id,
            "message": settlement.message_id,
            "claimed": settlement.fence,
        }
        if connection.execute(_TAKE_OVER, {**names, "gone": gone, "me": me}).rowcount:
            taken.append(settlement)
    return taken


def _set_apart(connection: Connection, gone: UUID, claims: Iterable[Claim]) -> int:
    moved = [
        claim
        for claim in claims
        if connection.execute(
            _SET_APART,
            {
                "delivery": claim.delivery_id,
                "message": claim.message_id,
                "claimed": claim.fence,
                "gone": gone,
            },
        ).rowcount
    ]
    for claim in moved:
        connection.execute(
            insert(attempt),
            {
                "delivery_id": claim.delivery_id,
                "fence": claim.fence,
                "session": gone,
                "detail": _DETAIL,
                "verdict": Move.RESCUE_UNBEGUN.value,
            },
        )
    return len(moved)
