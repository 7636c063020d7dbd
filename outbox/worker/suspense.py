"""Keep refusals for good back until it is known that they are about the mails, and not a storm of policy.

What is kept back stays `sending`. It fails when another judgement shows that the relay takes some mail, when
nothing else waits to be sent, or after a minute; in a storm it is held for a person, and so is what follows.
Each daemon counts for itself.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from outbox import events
from outbox.delivery.refusals import Refusals, ends_a_row, may_be_policy
from outbox.mail.status import Move, Reason, Settlement
from outbox.mail.verdict import Rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from outbox.mail.verdict import Verdict
    from outbox.worker.lease import Lease

LONGEST = 60.0
"""Seconds that a refusal is kept back, at most."""


class Suspense:
    """The refusals of the relay `name` that are kept back; `put` records what has become of them."""

    def __init__(self, name: str, put: Callable[[Lease, list[Settlement]], None]) -> None:
        self._name = name
        self._put = put
        self._row = Refusals()
        self._kept: list[tuple[Lease, Settlement]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._told = 0
        self._held = 0
        self._closed = False

    def settle(
        self,
        lease: Lease,
        recipients: Sequence[str],
        verdicts: Sequence[Verdict],
        settlements: list[Settlement],
    ) -> None:
        """Record the settlements of one transaction, but for refusals that are kept back, or held."""
        if any(ends_a_row(verdict) for verdict in verdicts):
            self.let_go()
            self._end()
            self._put(lease, settlements)
            return
        refused = [
            (verdict, recipient, settlement)
            for verdict, recipient, settlement in zip(verdicts, recipients, settlements, strict=True)
            if isinstance(verdict, Rejected) and may_be_policy(verdict)
        ]
        if refused:
            self._add([(verdict, recipient) for verdict, recipient, _ in refused])
            self._keep(lease, [settlement for *_, settlement in refused])
        kept = {id(settlement) for *_, settlement in refused}
        others = [settlement for settlement in settlements if id(settlement) not in kept]
        if others:
            self._put(lease, others)

    def let_go(self) -> None:
        """Let what is kept back fail: it is about the mails, as far as anybody can know."""
        self._empty(lambda settlement: settlement)

    def close(self) -> None:
        """Give back what is kept, and from now on what would be: nobody here will know in time."""
        self._closed = True
        self._empty(_released)

    def _add(self, refusals: list[tuple[Rejected, str]]) -> None:
        answer = refusals[0][0].answer
        if answer is not None and self._row.is_another(answer):
            self.let_go()
            self._end()
        self._row.add(refusals)

    def _keep(self, lease: Lease, settlements: list[Settlement]) -> None:
        self._kept += [(lease, settlement) for settlement in settlements]
        if self._row.is_storm:
            self._hold()
        elif self._closed:
            self._empty(_released)
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LONGEST, self.let_go)

    def _hold(self) -> None:
        self._held += len(self._kept)
        # A whole queue may follow: it is told at once, and each time that there are twice as many.
        if self._held >= 2 * self._told:
            self._told = self._held
            events.policy_storm(self._name, self._held, self._kept[-1][1].detail or "")
        self._empty(_held)

    def _end(self) -> None:
        self._row.end()
        self._told = self._held = 0

    def _empty(self, ending: Callable[[Settlement], Settlement]) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        kept, self._kept = self._kept, []
        for lease in {lease.id: lease for lease, _ in kept}.values():
            self._put(lease, [ending(settlement) for under, settlement in kept if under is lease])


def _held(settlement: Settlement) -> Settlement:
    """Return a refusal as one that a person decides on; it says nothing of the mail, and is no attempt."""
    return replace(settlement, move=Move.PARK, judged=False, reason=Reason.POLICY_STORM)


def _released(settlement: Settlement) -> Settlement:
    """Return a refusal as if the mail had not been claimed: it will be refused again, and counted then."""
    return replace(settlement, move=Move.RELEASE, judged=False, answer=None, noted=False)
