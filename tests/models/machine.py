"""Any order of what daemons, applications and time do to one queue, beside the mirror that must agree."""

from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from outbox.mail.status import OnDoubt
from outbox.store.schema import SessionState
from outbox.store.sessions import Totals
from tests.models.photo import take
from tests.models.working import Working, doubts, one, which

TRUSTED = 40.0
"""Seconds that a session trusts its own beat, as a daemon with a TTL of a minute does."""

CRASH_PAUSE = 300.0
"""Seconds that a delivery waits which has crashed a daemon by itself."""


class Machine(Working):
    """Daemons work, and they come and go."""

    @initialize(
        asked=st.lists(doubts, min_size=1, max_size=4),
        limit=st.integers(1, 4),
        more=st.integers(1, 2),
    )
    def begin(self, asked: list[OnDoubt], limit: int, more: int) -> None:
        """Begin in the middle: most rules need a delivery that somebody holds."""
        for on_doubt in asked:
            self.enqueue(2, on_doubt, later=False, expires=False, commits=True)
        for _ in range(1 + more):
            self._start()
        self.agree()
        self.claim(0, limit, 0, alone=True, heard=True)

    def _start(self) -> None:
        me = self.scene.start()
        self.runs.append(me)
        self.mirror.sessions[me] = take(self.scene).sessions[me]
        assert self.mirror.lives(me)

    @rule(n=which, state=st.sampled_from([None, SessionState.STOPPING, SessionState.STOPPED]))
    def beat(self, n: int, state: SessionState | None) -> None:
        me = one(self.runs, n)
        if state is None:
            lives = self.mirror.beat(me, sent=n, failed=1, deferred=2)
            assert lives == self.scene.sessions.beat(me, Totals(n, 1, 2))
        else:
            lives = self.mirror.beat(me, state=state)
            assert lives == self.scene.sessions.enter(me, state)

    @rule(n=which, beats=st.sampled_from([True, True, False]))
    def declare_lost(self, n: int, *, beats: bool) -> None:
        if beats:
            self.beat(n, None)
            self.agree()
        me = one(self.runs, n)
        lost = self.mirror.declare_lost(me, TRUSTED)
        assert lost == self.scene.sessions.declare_lost(me, TRUSTED)
        self.tally["declared lost"] += lost

    @rule(queue=st.integers(0, 1))
    def rescue(self, queue: int) -> None:
        rescued = self.mirror.rescue(CRASH_PAUSE)
        assert rescued == self.queues[queue].rescue(CRASH_PAUSE)

    @rule(queue=st.integers(0, 1))
    def expire(self, queue: int) -> None:
        expired = self.mirror.expire()
        assert expired == self.queues[queue].expire()
        self.tally["expired"] += expired

    @rule(n=which, announces=st.booleans(), dies=st.booleans(), times=st.integers(1, 4))
    def replace(self, n: int, *, announces: bool, dies: bool, times: int) -> None:
        """Let a daemon be taken for dead over what it holds, and so the next; perhaps they only slept."""
        for _ in range(times):
            me = one(self.runs, n)
            self._end_run(me, announces=announces, dies=dies)
            self._start()
            self.agree()
            self.pass_time(450, 0.0)
            self.claim(len(self.runs) - 1, 6, 0, alone=True, heard=True)
            self.agree()
            n = len(self.runs) - 1

    def _end_run(self, me: UUID, *, announces: bool, dies: bool) -> None:
        for holder, claim in self.hands:
            if announces and holder == me:
                self.mirror.announce(claim.delivery_id, claim.fence, me)
                self.queues[0].announce(me, [claim])
        if dies:
            self.hands = [hand for hand in self.hands if hand.holder != me]
            self.unsure = [unsure for unsure in self.unsure if unsure.holder != me]
            self.runs.remove(me)
        self.mirror.beat(me, state=SessionState.STOPPED)
        self.scene.sessions.enter(me, SessionState.STOPPED)
        self.rescue(0)
