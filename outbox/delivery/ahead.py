"""How far one connection writes ahead of the relay's answers, and whether that did it harm.

Chained input is to blame where the relay hangs on it or loses count, and where the relay ends a connection on
which it had never answered such input (relays restart, too). A whole envelope in one write is to blame where
the relay loses count, or hangs at the first. Nothing but commands is written ahead, so a mail that met
this is untouched and goes again at once, more carefully.
"""

from math import inf

from outbox.delivery.limits import Limits
from outbox.delivery.relay import Pipelining
from outbox.delivery.transaction import Transaction
from outbox.smtp.conversation import Conversation
from outbox.smtp.event import Closing, Desync, Event
from outbox.smtp.stage import Stage

UNPROVEN_PATIENCE = 30.0
"""Seconds for the answers to a chained envelope before any was seen: nothing is lost by leaving early."""

ENVELOPE = frozenset({Stage.MAIL_FROM, Stage.RCPT_TO, Stage.DATA})
_HALF_ANSWERED = frozenset({Stage.RCPT_TO, Stage.DATA, Stage.RSET})


class Ahead:
    """What one connection risks, by the relay's `limits`, in its `conversation`."""

    def __init__(self, limits: Limits, conversation: Conversation) -> None:
        self.to_blame: str | None = None
        """What went wrong by writing ahead, where it did."""
        self._limits = limits
        self._conversation = conversation
        self._rides: Transaction | None = None
        self._chains_well = False
        self.lost_count = False
        """Whether the relay may have lost count while chaining was on trial: no answer since is believed."""
        self._pipelines_well = False

    def prepare(self) -> None:
        """Tell the conversation how the next envelope is to be written."""
        ahead = self._limits.pipelining is not Pipelining.OFF
        self._conversation.pipeline(ahead=ahead, apart=self._limits.data_apart)

    def may_chain(self) -> bool:
        """Whether the next envelope may ride behind the dot that was just said."""
        return self._conversation.may_chain and self._limits.may_chain

    def rides(self, transaction: Transaction) -> None:
        """Note that the envelope of `transaction` goes out behind a dot."""
        self._rides = transaction
        self._limits.tries(self)

    @property
    def is_on_trial(self) -> bool:
        """Whether chained input waits for answers of a relay that was never seen to answer any."""
        return self._rides is not None and not self._limits.proven

    def patience(self) -> float:
        """Return the most seconds to wait for the next answer, where writing ahead is still a trial."""
        return UNPROVEN_PATIENCE if self.is_on_trial and self._conversation.stage in ENVELOPE else inf

    def answered(self, transaction: Transaction) -> None:
        """Note that the whole envelope of `transaction` was answered."""
        self._pipelines_well = True
        if transaction is self._rides:
            self._rides = None
            self._chains_well = True
            self._limits.chain_answered()

    def heard(self, event: Event) -> None:
        """Look at an event for a lost count."""
        if isinstance(event, Closing):
            self._look_at_the_trial(event.stage, "the relay closed between its answers")
        if not isinstance(event, Desync):
            return
        if self.is_on_trial:
            self.lost_count = True
            self._blame_chaining(event.reason)
        elif event.unwanted_go_ahead:
            self._limits.unwanted_go_ahead()
        elif self._rides is not None:
            self._blame_chaining(event.reason)
        elif event.stage in ENVELOPE:
            self._blame_pipelining(event.reason)

    def lost(self, stage: Stage, problem: str, *, hung: bool) -> None:
        """Look at the end of the connection at `stage`; `hung`: it was our patience that ended."""
        # A relay that is only slow has kept count so far.
        if not hung:
            self._look_at_the_trial(stage, problem)
        if self._rides is not None:
            if hung or not self._chains_well:
                self._blame_chaining(problem)
        elif hung and stage in ENVELOPE and not self._pipelines_well:
            self._blame_pipelining(problem)

    def _look_at_the_trial(self, stage: Stage, problem: str) -> None:
        """Take an end between the answers to the chained envelope for a lost count."""
        if self.is_on_trial and stage in _HALF_ANSWERED:
            self.lost_count = True
            self._blame_chaining(problem)

    def over(self) -> None:
        """Note the connection's end: another may try what this one was trying."""
        self._limits.ended(self)

    def _blame_chaining(self, problem: str) -> None:
        self.to_blame = problem
        self._limits.chain_failed(problem)

    def _blame_pipelining(self, problem: str) -> None:
        if self._conversation.pipelines:
            self.to_blame = problem
            self._limits.pipelining_failed(problem)
