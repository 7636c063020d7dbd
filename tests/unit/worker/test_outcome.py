"""What became of a parcel reaches all whom it concerns: the queue, the breaker, the memory, the loop."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from outbox.delivery.breaker import Breaker
from outbox.delivery.relay import Relay
from outbox.delivery.retry import RetryPolicy
from outbox.mail.status import Move, Settlement
from outbox.mail.verdict import Answer, Deferred, Rejected, RelayFault, Sent, Untouched, Verdict
from outbox.smtp.stage import Stage
from outbox.store.moves import Claim
from outbox.worker.budget import BODIES
from outbox.worker.lease import Lease
from outbox.worker.outcome import Outcome
from outbox.worker.pace import Pace
from outbox.worker.parcel import Parcel
from outbox.worker.tally import Tally
from tests.unit.worker.held import claim, rescued, run, settlement
from tests.unit.worker.supplied import Scene as Supplied
from tests.unit.worker.supplied import mails

SENT = Sent(Answer(250, None, "Ok"), None)
BUSY = Deferred(Stage.RCPT_TO.value, "451 busy", Answer(451, None, "busy"))
FAULT = RelayFault(Stage.AUTH.value, "AUTH: 535 no", Answer(535, None, "no"))
CONNECTIONS = 2


class Memory:
    """Notes what is said of the relay."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.worked = 0

    def fails(self, fault: str) -> bool:
        self.faults.append(fault)
        return True

    def works(self) -> None:
        self.worked += 1


class Recorder:
    """Notes what is to be written: delivery and move."""

    def __init__(self, under: Lease) -> None:
        self._lease = under
        self.moves: list[tuple[int, Move]] = []

    def put(self, lease: Lease, settlements: list[Settlement]) -> None:
        assert lease is self._lease
        self.moves += [(one.delivery_id, one.move) for one in settlements]


class Scene(Supplied):
    """An outcome between the parts that it tells."""

    def __init__(self, *claims: Claim) -> None:
        super().__init__(*claims)
        self.breaker = Breaker(CONNECTIONS)
        self.pace = Pace(CONNECTIONS)
        self.memory = Memory()
        self.recorder = Recorder(self.lease)
        self.tally = Tally()
        self.woken = 0
        self.slowed: list[float] = []
        memory: Any = self.memory
        recorder: Any = self.recorder
        self.outcome = Outcome(
            Relay(name="mx", host="mail.example", port=25),
            RetryPolicy(),
            self.pace,
            self.breaker,
            memory,
            self.tray,
            self.supply,
            recorder,
            self.slowed.append,
            self.tally,
            self._wake,
        )

    def _wake(self) -> None:
        self.woken += 1

    def ready(self) -> list[Parcel]:
        """Claim and load all, and take it from the tray as senders do."""
        self.claim()
        return self.load()

    def tell(self, work: Callable[[], None]) -> None:
        """Do `work` on a loop."""

        async def on_the_loop() -> None:
            work()

        run(on_the_loop())

    def deliver(self, parcel: Parcel, *verdicts: Verdict) -> None:
        self.tell(lambda: self.outcome.deliver(parcel, verdicts))


def test_each_verdict_reaches_the_recorder_for_its_own_claim_and_frees_the_body() -> None:
    scene = Scene(claim(1), claim(2), claim(3))
    (parcel,) = scene.ready()
    scene.deliver(parcel, SENT, BUSY, Untouched("full"))
    assert scene.recorder.moves == [(1, Move.DELIVER), (2, Move.DEFER), (3, Move.RELEASE)]
    assert (parcel.message, len(scene.holdings)) == (None, 3)
    assert (scene.memory.worked, scene.memory.faults, scene.woken) == (1, [], 0)


def test_what_is_finished_raises_the_pace() -> None:
    scene = Scene(*[claim(n) for n in range(50)])
    (parcel,) = scene.ready()
    scene.pace.claim_size(0.0)
    scene.deliver(parcel, *[SENT] * 50)
    assert scene.pace.claim_size(0.5) == 50


def test_a_body_that_is_freed_lets_the_loop_load_what_waits_for_memory() -> None:
    scene = Scene(*mails(2, size=BODIES))
    (parcel,) = scene.ready()
    scene.deliver(parcel, Untouched("cut"))
    assert (scene.woken, scene.supply.can_load) == (1, True)


def test_the_first_judged_mail_after_an_outage_closes_the_breaker_and_calls_the_senders() -> None:
    scene = Scene(claim(1))
    (parcel,) = scene.ready()
    for _ in range(CONNECTIONS):
        scene.breaker.fault(0.0, 0.5)
    assert scene.breaker.is_open

    async def work() -> None:
        waiting = asyncio.create_task(scene.tray.changed())
        await asyncio.sleep(0)
        scene.outcome.deliver(parcel, [BUSY])
        await waiting

    run(work())
    assert not scene.breaker.is_open


def test_words_for_one_recipient_outweigh_a_fault_that_another_met() -> None:
    scene = Scene(claim(1), claim(2))
    (parcel,) = scene.ready()
    scene.deliver(parcel, BUSY, FAULT)
    assert (scene.memory.worked, scene.memory.faults) == (1, [])


def test_a_parcel_that_met_a_fault_counts_it_and_is_given_back() -> None:
    scene = Scene(claim(1))
    (parcel,) = scene.ready()
    scene.deliver(parcel, FAULT)
    assert (scene.memory.faults, scene.memory.worked, scene.recorder.moves) == (
        [FAULT.reason],
        0,
        [(1, Move.RELEASE)],
    )
    assert scene.woken == 1


def test_a_long_silence_opens_the_breaker_at_once_unless_a_mail_was_judged_meanwhile() -> None:
    scene = Scene(claim(1))
    (parcel,) = scene.ready()

    async def work() -> list[bool]:
        scene.outcome.deliver(parcel, [SENT])
        seen = []
        for wait in (29.0, 1.0):
            await asyncio.sleep(wait)
            scene.outcome.meet(replace(FAULT, waited=30.0))
            seen.append(scene.breaker.is_open)
            scene.breaker.judged()
        return seen

    assert run(work()) == [False, True]


def test_the_fault_that_opens_the_breaker_gives_back_all_that_nobody_has_begun() -> None:
    scene = Scene(*mails(3, size=BODIES // 2), rescued(9, message_id=UUID(int=9)))
    scene.claim()
    run(scene.supply.load())
    assert scene.tray.take()
    for _ in range(CONNECTIONS):
        assert scene.recorder.moves == []
        scene.tell(lambda: scene.outcome.fault(FAULT))
    assert scene.breaker.is_open
    assert sorted(scene.recorder.moves) == [(2, Move.RELEASE), (3, Move.RELEASE), (9, Move.RELEASE)]
    assert (scene.tray.ready, scene.supply.waiting, len(scene.holdings)) == (0, 0, 4)


def test_recipients_that_are_too_late_are_ended_and_the_others_travel() -> None:
    scene = Scene(claim(1, expires_in=10.0), claim(2), claim(3, expires_in=99.0))
    (parcel,) = scene.ready()
    parcel.claimed_at = -10.0
    scene.tell(lambda: scene.outcome.expire_late(parcel))
    assert scene.recorder.moves == [(1, Move.EXPIRE_SENDING)]
    assert [one.delivery_id for one in parcel.claims] == [2, 3]
    assert parcel.message is not None


def test_a_parcel_of_which_nobody_is_left_frees_its_body() -> None:
    scene = Scene(*[claim(n, expires_in=5.0, size=BODIES) for n in (1, 2)])
    (parcel,) = scene.ready()
    parcel.claimed_at = -5.0
    scene.tell(lambda: scene.outcome.expire_late(parcel))
    assert scene.recorder.moves == [(1, Move.EXPIRE_SENDING), (2, Move.EXPIRE_SENDING)]
    assert (parcel.claims, parcel.message) == ([], None)


def test_what_waits_is_given_back_with_a_reason_and_held_until_that_is_written() -> None:
    scene = Scene(*mails(2))
    scene.claim()
    run(scene.supply.load())
    scene.tell(lambda: scene.outcome.release_waiting("the daemon stops"))
    assert scene.recorder.moves == [(1, Move.RELEASE), (2, Move.RELEASE)]
    assert len(scene.holdings) == 2
    scene.holdings.written([settlement(1), settlement(2)])
    assert len(scene.holdings) == 0


def test_a_relay_that_finds_us_too_fast_is_believed_also_where_it_judged_another_recipient() -> None:
    scene = Scene(claim(1), claim(2))
    (parcel,) = scene.ready()
    scene.pace.claim_size(0.0)
    scene.deliver(parcel, SENT, RelayFault("RCPT TO", "454 slow down", None, throttles=True))
    scene.tell(lambda: scene.outcome.meet(RelayFault("connect", "421 too many", None, throttles=True)))
    scene.tell(lambda: scene.outcome.meet(FAULT))
    assert len(scene.slowed) == 2


def test_a_relay_that_takes_nothing_yet_is_not_slowed_to_nothing() -> None:
    scene = Scene(claim(1))
    scene.pace.claim_size(0.0)
    scene.tell(lambda: scene.outcome.meet(RelayFault("greeting", "421 too many", None, throttles=True)))
    assert scene.slowed == []
    assert scene.memory.faults == ["421 too many"]


def test_a_refusal_that_may_be_policy_is_recorded_when_nothing_else_is_there() -> None:
    scene = Scene(claim(1))
    (parcel,) = scene.ready()

    def refuse_and_rest() -> None:
        scene.outcome.deliver(parcel, [Rejected("RCPT TO", "no", Answer(550, "5.7.1", "no"))])
        assert scene.recorder.moves == []
        scene.outcome.settle_refusals()

    scene.tell(refuse_and_rest)
    assert scene.recorder.moves == [(1, Move.REFUSE)]


def test_a_judged_transaction_counts_its_seconds_and_for_how_long_each_delivery_was_due() -> None:
    scene = Scene(claim(1, due_ago=3.0), claim(2, due_ago=400.0))
    (parcel,) = scene.ready()

    async def deliver() -> None:
        now = asyncio.get_running_loop().time()
        parcel.claimed_at, parcel.begun_at = now - 9.0, now - 2.0
        scene.outcome.deliver(parcel, [SENT, BUSY])

    run(deliver())
    sending, waiting = scene.tally.sending["mx"], scene.tally.waiting["mx"]
    assert (sum(sending.counts), sending.total) == (1, 2.0)
    assert (sum(waiting.counts), waiting.total) == (2, 10.0 + 407.0)


def test_what_no_relay_has_judged_counts_no_seconds_and_a_fault_is_one_of_the_relay() -> None:
    scene = Scene(claim(1), claim(2))
    (parcel,) = scene.ready()
    scene.deliver(parcel, FAULT, Untouched("cut"))
    assert (dict(scene.tally.sending), dict(scene.tally.waiting)) == ({}, {})
    assert scene.tally.faults == {"mx": 1}
