"""What became of each parcel, told to all whom it concerns: the queue, the breaker, the relay's memory."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

from outbox import events
from outbox.mail.status import OnDoubt
from outbox.mail.verdict import RelayFault, Untouched, Verdict
from outbox.worker.settle import expire, obey, release, settle
from outbox.worker.spans import Spans
from outbox.worker.suspense import Suspense

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from outbox.delivery.breaker import Breaker
    from outbox.delivery.relay import Relay
    from outbox.delivery.retry import RetryPolicy
    from outbox.store.moves import Claim
    from outbox.worker.lease import Lease
    from outbox.worker.memory import Memory
    from outbox.worker.pace import Pace
    from outbox.worker.parcel import Parcel
    from outbox.worker.recorder import Recorder
    from outbox.worker.supply import Supply
    from outbox.worker.tally import Tally
    from outbox.worker.tray import Tray


_REMINDER = 60.0
"""Seconds between two words about what this process lacks, while other connections go on."""


class Outcome:
    """Hands on what the senders report of `relay`; `wake` lets the loop look again."""

    def __init__(
        self,
        relay: Relay,
        policy: RetryPolicy,
        pace: Pace,
        breaker: Breaker,
        memory: Memory,
        tray: Tray,
        supply: Supply,
        recorder: Recorder,
        slow_down: Callable[[float], None],
        tally: Tally,
        wake: Callable[[], None],
    ) -> None:
        self._name = relay.name
        self._policy = policy
        self._pace = pace
        self._breaker = breaker
        self._memory = memory
        self._tray = tray
        self._supply = supply
        self._recorder = recorder
        self._suspense = Suspense(relay.name, recorder.put)
        self._spans = Spans(relay)
        self._slow_down = slow_down
        self._tally = tally
        self._wake = wake
        # By the loop's clock.
        self._judged_at = -inf
        self._lacked_at = -inf

    def deliver(self, parcel: Parcel, verdicts: Sequence[Verdict]) -> None:
        """Hand on the verdicts on a parcel, in the order of its claims."""
        # With its sending the parcel's message is gone.
        message = parcel.message
        on_doubt = message.on_doubt if message else OnDoubt.HOLD
        self._supply.sent(parcel)
        self._pace.finished(len(verdicts))
        self._suspense.settle(
            parcel.lease,
            [claim.recipient for claim in parcel.claims],
            verdicts,
            [
                settle(claim, verdict, self._name, on_doubt, self._policy, random.random())  # noqa: S311 - jitter
                for claim, verdict in zip(parcel.claims, verdicts, strict=True)
            ],
        )
        if self._supply.waiting:
            self._wake()
        faults = [verdict for verdict in verdicts if isinstance(verdict, RelayFault)]
        if any(fault.throttles for fault in faults):
            self._slow()
        # A relay that judges one recipient works, whatever it says of itself to the next.
        if any(getattr(verdict, "answer", None) for verdict in verdicts if verdict not in faults):
            self._memory.works()
            self._judged_at = now = asyncio.get_running_loop().time()
            self._tally.judged(self._name, now - parcel.begun_at, parcel.waited)
            if self._breaker.judged():
                events.relay_back(self._name)
                self._tray.stir()
                self._wake()
        elif faults:
            self.fault(faults[0])
        self._spans.ended(parcel, message.traceparent if message else None, verdicts)

    def meet(self, fault: RelayFault) -> None:
        """Take a fault of the relay that kept us from connecting."""
        if fault.throttles:
            self._slow()
        self.fault(fault)

    def _slow(self) -> None:
        # Where nothing passes there is nothing to halve: the breaker is enough.
        if passing := self._pace.passing(asyncio.get_running_loop().time()):
            self._slow_down(passing)

    def fault(self, fault: RelayFault) -> None:
        """Take a fault of the relay, which a mail met or which kept us from connecting."""
        now = asyncio.get_running_loop().time()
        if fault.ours:
            self._lack(fault, now)
            return
        self._tally.faults[self._name] += 1
        # A long silence is the word of all connections, unless one of them had a mail judged meanwhile.
        of_all = 0.0 < fault.waited <= now - self._judged_at
        self._breaker.fault(now, random.random(), of_all=of_all)  # noqa: S311 - jitter
        wait = self._breaker.wait(now)
        # Each connection meets the same fault: it is told once, and when the breaker opens.
        if self._memory.fails(fault.reason) or wait:
            events.relay_fault(self._name, fault, wait)
        if self._breaker.is_open:
            self.release_waiting(f"relay {self._name} is down")
        self._wake()

    def _lack(self, fault: RelayFault, now: float) -> None:
        """Leave to others what this process cannot send; the relay, and what is kept of it, is not blamed."""
        opened = self._breaker.fault(now, random.random(), ours=True)  # noqa: S311 - jitter
        if opened or now - self._lacked_at >= _REMINDER:
            self._lacked_at = now
            events.descriptors_short(fault.reason, self._breaker.wait(now))
        if self._breaker.is_open:
            self.release_waiting(fault.reason)
        self._wake()

    def may_begin(self, parcel: Parcel, forbidden: str | None) -> bool:
        """Give back a `forbidden` parcel, and end what is too late in one; tell whether any is left."""
        if forbidden is not None:
            self.deliver(parcel, [Untouched(forbidden)] * len(parcel.claims))
            return False
        self.expire_late(parcel)
        return bool(parcel.claims)

    def expire_late(self, parcel: Parcel) -> None:
        """End the recipients of a parcel that are too late to be useful by now."""
        late = parcel.split_expired(asyncio.get_running_loop().time())
        self._recorder.put(parcel.lease, [expire(claim, self._name) for claim in late])
        if not parcel.claims:
            self._supply.sent(parcel)

    def release_waiting(self, reason: str, which: Callable[[Parcel], bool] = lambda _: True) -> None:
        """Give back to the queue what nobody has begun to send, or those parcels that `which` chooses."""
        for parcel in self._supply.give_up(which):
            self._recorder.put(
                parcel.lease, [release(claim, self._name, None, reason) for claim in parcel.claims]
            )

    def keep(self, lease: Lease, claims: Sequence[Claim]) -> None:
        """Settle claims that must not be sent: there is an objection, or the mail is still under way."""
        self._recorder.put(
            lease, [obey(claim, claim.objection, self._name) for claim in claims if claim.objection]
        )
        under_way = [claim for claim in claims if not claim.objection]
        self.put_back(lease, under_way, "this daemon still sends it under an older claim")
        objections = Counter(claim.objection for claim in claims if claim.objection)
        for objection, deliveries in objections.items():
            events.objected(deliveries, objection.outcome, objection.reason, objection.detail)

    def settle_refusals(self) -> None:
        """Let refusals fail that were kept back: nothing else is there by which more could be known."""
        self._suspense.let_go()

    def close(self) -> None:
        """Give back what nobody has begun to send, and from now on refusals of which too little is known."""
        self.release_waiting("the daemon stops")
        self._suspense.close()

    def put_back(self, lease: Lease, claims: Sequence[Claim], reason: str) -> None:
        """Give back what cannot be sent for a while."""
        pause = self._policy.fault_pause
        settlements = [release(claim, self._name, None, reason) for claim in claims]
        self._recorder.put(lease, [replace(each, delay=pause) for each in settlements])
