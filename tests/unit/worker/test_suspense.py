"""A refusal for good waits until it is known what it speaks of; then it fails, or is held for a person."""

import asyncio
from collections.abc import Callable

from outbox.delivery.refusals import MANY
from outbox.mail.status import Move, Reason, Settlement
from outbox.mail.verdict import Answer, Rejected, Sent, Verdict
from outbox.worker.lease import Lease
from outbox.worker.suspense import LONGEST, Suspense
from tests.unit.worker.held import lease, run, settlement

POLICY = Rejected("RCPT TO", "RCPT TO: 550 5.7.1 relaying denied", Answer(550, "5.7.1", "relaying denied"))
OTHER = Rejected("DATA", "DATA: 554 5.6.0 bad", Answer(554, "5.6.0", "bad"))
UNKNOWN = Rejected("RCPT TO", "no such user", Answer(550, "5.1.1", "no such user"))
SENT = Sent(Answer(250, None, "Ok"), None)


class Scene:
    """A suspense, and what it has put: delivery, move and reason."""

    def __init__(self) -> None:
        self.put: list[tuple[int, Move, Reason | None]] = []
        self.leases: list[Lease] = []
        self.suspense = Suspense("mx", self._put)
        self.lease = lease()
        self._next = 0

    def _put(self, under: Lease, settlements: list[Settlement]) -> None:
        self.leases.append(under)
        self.put += [(each.delivery_id, each.move, each.reason) for each in settlements]

    def judge(self, verdict: Verdict, times: int = 1, under: Lease | None = None) -> None:
        """Judge so many mails of one recipient each so."""
        for _ in range(times):
            self._next += 1
            move = Move.DELIVER if verdict is SENT else Move.REFUSE
            mine = settlement(self._next, move, judged=True)
            recipient = f"ann@{'abc'[self._next % 3]}.example"
            self.suspense.settle(under or self.lease, [recipient], [verdict], [mine])

    def moves(self) -> list[Move]:
        return [move for _, move, _ in self.put]


def after(*steps: Callable[[Scene], None], wait: float = 0.0) -> Scene:
    """Return a scene after these steps and so many seconds."""

    async def work() -> Scene:
        scene = Scene()
        for step in steps:
            step(scene)
        await asyncio.sleep(wait)
        return scene

    return run(work())


def test_a_refusal_is_kept_back_for_a_minute() -> None:
    assert after(lambda scene: scene.judge(POLICY), wait=LONGEST - 1).put == []
    assert after(lambda scene: scene.judge(POLICY), wait=LONGEST + 1).put == [(1, Move.REFUSE, None)]


def test_a_mail_that_is_sent_lets_what_was_kept_fail_first() -> None:
    scene = after(lambda scene: scene.judge(POLICY, 3), lambda scene: scene.judge(SENT))
    assert scene.put == [*((n, Move.REFUSE, None) for n in (1, 2, 3)), (4, Move.DELIVER, None)]


def test_a_refusal_for_another_reason_lets_what_was_kept_fail_and_is_kept_itself() -> None:
    scene = after(lambda scene: scene.judge(POLICY, 3), lambda scene: scene.judge(OTHER))
    assert scene.moves() == [Move.REFUSE] * 3
    assert after(lambda scene: scene.judge(POLICY, 19), lambda scene: scene.judge(OTHER, 19)).moves() == (
        [Move.REFUSE] * 19
    )


def test_a_refusal_of_an_address_fails_at_once() -> None:
    assert after(lambda scene: scene.judge(UNKNOWN, 3)).moves() == [Move.REFUSE] * 3


def test_twenty_for_one_reason_are_all_held_and_so_is_what_follows_until_a_mail_is_sent() -> None:
    scene = after(lambda scene: scene.judge(POLICY, MANY + 5))
    assert [(n, Move.PARK, Reason.POLICY_STORM) for n in range(1, MANY + 6)] == scene.put
    again = after(
        lambda scene: scene.judge(POLICY, MANY),
        lambda scene: scene.judge(SENT),
        lambda scene: scene.judge(POLICY, MANY - 1),
    )
    assert again.moves() == [*[Move.PARK] * MANY, Move.DELIVER]


def test_what_failed_because_nothing_else_was_there_still_counts() -> None:
    scene = after(
        lambda scene: scene.judge(POLICY, MANY - 1),
        lambda scene: scene.suspense.let_go(),
        lambda scene: scene.judge(POLICY, 2),
    )
    assert scene.moves() == [*[Move.REFUSE] * (MANY - 1), Move.PARK, Move.PARK]


def test_what_is_kept_when_the_daemon_stops_is_given_back_and_so_is_what_comes_then() -> None:
    scene = after(
        lambda scene: scene.judge(POLICY, 2),
        lambda scene: scene.suspense.close(),
        lambda scene: scene.judge(POLICY),
        lambda scene: scene.judge(SENT),
    )
    assert scene.moves() == [Move.RELEASE] * 3 + [Move.DELIVER]


def test_each_verdict_is_recorded_under_its_own_lease() -> None:
    other = lease()
    scene = after(
        lambda scene: scene.judge(POLICY, 2),
        lambda scene: scene.judge(POLICY, under=other),
        lambda scene: scene.suspense.let_go(),
    )
    assert scene.leases == [scene.lease, other]
    assert [n for n, *_ in scene.put] == [1, 2, 3]
