"""Mails that are all there at one instant, for daemons that already run, and how fast they go out.

The time is the database's own, from the writing of the first verdict to the writing of the last: an idle
daemon's pause before it looks is no part of it. The end is told by the server that takes the mails, so
that nothing reads the tables meanwhile.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from bench.daemon import until
from outbox.mail.status import Status
from outbox.store.schema import delivery, session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.daemon import Daemon
    from bench.postfix import CountingSink
    from bench.shop import Shop

_POLL = 0.1
_START = 30.0
LEAST_RATE = 100
"""Mails a second below which a wave counts as stuck."""

_d = delivery.c


@dataclass(frozen=True, slots=True)
class Wave:
    """How long `mails` mails took; `claims` is how often one was claimed, `taken` how many the server got.

    Of all, `later` went in the `rest` of the time, after the instant at which a quarter had gone.
    """

    mails: int
    seconds: float
    claims: int
    taken: int
    later: int = 0
    rest: float = 0.0

    @property
    def rate(self) -> float:
        """Mails a second."""
        return self.mails / self.seconds

    @property
    def steady(self) -> float:
        """Mails a second once a quarter had gone: the rate of a longer drain."""
        return self.later / self.rest


def wave(shop: Shop, server: CountingSink, running: Sequence[Daemon], mails: int) -> Wave:
    """Commit `mails` mails at once, and wait until the running daemons have sent them."""
    begun = select(func.count()).select_from(session)
    until(lambda: _scalar(shop, begun) >= len(running), _POLL, _START, running, lambda: "the start")
    taken = server.taken()
    before = _scalar(shop, select(func.coalesce(func.max(_d.id), 0)))
    ours = _d.id > before
    unsent = select(func.count()).where(ours, _d.status != Status.SENT.value)
    shop.fill_at_once(mails)

    def state() -> str:
        return f"{server.taken() - taken} of {mails} mails taken, {_scalar(shop, unsent)} not recorded"

    within = _START + mails / LEAST_RATE
    until(lambda: server.taken() - taken >= mails, _POLL, within, running, state)
    until(lambda: not _scalar(shop, unsent), _POLL, _START, running, state)
    with shop.engine.connect() as connection:
        ends = connection.scalars(select(_d.finished_at).where(ours).order_by(_d.finished_at)).all()
        claims = connection.execute(select(func.sum(_d.fence)).where(ours)).scalar_one()
    seconds, rest = ((ends[-1] - ends[n]).total_seconds() for n in (0, mails // 4))
    # Many are recorded at one instant.
    later = len(ends) - bisect_right(ends, ends[mails // 4])
    return Wave(mails, seconds, int(claims), server.taken() - taken, later, rest)


def _scalar(shop: Shop, statement: Any) -> int:
    with shop.engine.connect() as connection:
        return int(connection.execute(statement).scalar_one())
