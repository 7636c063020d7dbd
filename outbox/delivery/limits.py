"""What one relay was seen to bear: shared by all its connections, and told to whoever remembers it.

Writing ahead of the answers is a promise of the relay (RFC 2920) that some break: they hang, lose count or
drop the connection. Such a relay is written to more carefully from that moment on.
"""

from typing import TYPE_CHECKING

from outbox.delivery.relay import Pipelining

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_RECIPIENTS = 50
"""Recipients in one transaction; Postfix's default, so that one cut dot leaves at most so many in doubt."""

_UNWANTED_GO_AHEADS = 3

_CAREFUL = (Pipelining.AUTO, Pipelining.MAIL, Pipelining.OFF)


class Limits:
    """How far to write ahead at a relay, and how many recipients it takes in one transaction.

    `most` is how far a person lets us go. `changed` is called with the reason when something was learnt.
    """

    def __init__(self, most: Pipelining) -> None:
        self.changed: Callable[[str], None] = lambda _: None
        self.level: Pipelining | None = None
        """The level that the relay was downgraded to."""
        self.data_apart = False
        """Whether DATA waits for the answers to the recipients."""
        self.full_at: int | None = None
        """How many recipients filled a transaction."""
        self.proven = False
        """Whether chained input has been answered well."""
        self._most = most
        self._announced: int | None = None
        self._prover: object | None = None
        self._go_aheads = 0

    @property
    def pipelining(self) -> Pipelining:
        """How far to write ahead now."""
        return self._most if self.level is None else max(self._most, self.level, key=_CAREFUL.index)

    @property
    def recipients(self) -> int:
        """How many recipients may share a transaction now."""
        return min(MOST_RECIPIENTS, self.full or MOST_RECIPIENTS)

    @property
    def full(self) -> int | None:
        """How many recipients the relay takes in a transaction, by its words or as it was seen; None: any."""
        return min(filter(None, (self.full_at, self._announced)), default=None)

    @property
    def may_chain(self) -> bool:
        """Whether the next envelope may ride behind a dot.

        Until one connection has seen it answered well no other tries: a relay that drops chained input
        then leaves one mail in doubt, not one on each connection.
        """
        return self.pipelining is Pipelining.AUTO and (self.proven or self._prover is None)

    def tries(self, connection: object) -> None:
        """Note that an envelope rides on `connection`."""
        if not self.proven:
            self._prover = connection

    def ended(self, connection: object) -> None:
        """Note that `connection` is over; another may try what it was trying."""
        if self._prover is connection:
            self._prover = None

    def chain_answered(self) -> None:
        """Note that chained input was answered well."""
        self.proven = True
        self._prover = None

    def chain_failed(self, reason: str) -> None:
        """Note that the relay does not bear chained input."""
        self.proven = False
        self._be_careful(Pipelining.MAIL, reason)

    def pipelining_failed(self, reason: str) -> None:
        """Note that the relay does not bear commands ahead of answers at all."""
        self._be_careful(Pipelining.OFF, reason)

    def unwanted_go_ahead(self) -> None:
        """Note a 354 although no recipient was accepted; after the third DATA waits for the recipients."""
        self._go_aheads += 1
        if self._go_aheads >= _UNWANTED_GO_AHEADS and not self.data_apart:
            self._go_aheads = 0
            self.data_apart = True
            self.changed("it wanted messages without any recipient: DATA now waits for the recipients")

    def too_many_recipients(self, accepted: int) -> None:
        """Note that a transaction was full after so many recipients."""
        if accepted < self.recipients:
            self.full_at = accepted
            self.changed(f"it takes {accepted} recipients in one transaction")

    def announced(self, recipients: int | None) -> None:
        """Note the limit that the relay itself tells (RFC 9422); nobody need remember it."""
        self._announced = recipients

    def recall(self, level: Pipelining | None, full_at: int | None, *, data_apart: bool) -> None:
        """Take what is remembered of this relay in place of what was learnt; nothing is the start again."""
        if level is not self.level:
            # Others have met, or forgotten, what we have not.
            self.proven = False
        self.level = level
        self.full_at = full_at
        self.data_apart = data_apart

    def _be_careful(self, level: Pipelining, reason: str) -> None:
        if _CAREFUL.index(self.pipelining) < _CAREFUL.index(level):
            self.level = level
            self.changed(f"{reason}: pipelining is now {level}")
