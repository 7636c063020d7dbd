"""The mails under way on one connection: the one whose turn it is, and one that may ride behind its dot.

Here the dot is written, the step after which only the relay knows what became of a mail: only when every byte
before it has left, the relay has said nothing unexpected, in our buffers or in the socket, and the mail's
last-moment check agrees.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from outbox.delivery.ahead import ENVELOPE, Ahead
from outbox.delivery.limits import Limits
from outbox.delivery.mail import Mail
from outbox.delivery.relay import Relay
from outbox.delivery.transaction import Transaction
from outbox.delivery.wire import Wire
from outbox.mail.verdict import Deferred, InDoubt, Untouched, Verdict
from outbox.smtp.command import UnsendableError
from outbox.smtp.conversation import Conversation
from outbox.smtp.event import Desync, Event
from outbox.smtp.stage import Stage

_BLOCK = 64 * 1024

NextMail = Callable[[], Mail | None]
"""Who has the next mail for a connection, or None when there is none now. It must not block."""

WriteDown = Callable[[], object]
"""Who sees to it that the dots and verdicts which it was told are known, should this process end."""


def nothing_to_write() -> None:
    """Keep no record."""


class Carriage:
    """Begins, writes and finishes the mails of one connection; `clock` returns seconds.

    `carried` counts the mails that have ended, whatever their verdicts. Once it is `spent` none begins.
    """

    def __init__(
        self,
        relay: Relay,
        wire: Wire,
        conversation: Conversation,
        ahead: Ahead,
        limits: Limits,
        clock: Callable[[], float],
    ) -> None:
        self.carried = 0
        self.spent = False
        self.broken: Exception | None = None
        """What an owner of a mail raised when it was told its verdicts."""
        self.next_mail: NextMail | None = None
        self.write_down: WriteDown = nothing_to_write
        self._relay = relay
        self._wire = wire
        self._conversation = conversation
        self._ahead = ahead
        self._limits = limits
        self._clock = clock
        self._open: deque[Transaction] = deque()
        self._old_at = clock() + relay.pool.age
        # Answered, but not told: the answer may be another's while chaining is on trial.
        self._answered: Transaction | None = None
        # What is still to write of the body; None unless the relay waits for it.
        self._rest: memoryview | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no mail is under way."""
        return not self._open

    @property
    def is_worn(self) -> bool:
        """Whether no further mail begins: a fresh connection takes the place of this one."""
        if self.spent or self._clock() >= self._old_at:
            return True
        limits = (self._relay.pool.mails, self._conversation.extensions.mail_max)
        return any(most is not None and self.carried + len(self._open) >= most for most in limits)

    @property
    def is_writing(self) -> bool:
        """Whether a body, or its dot, is still to be written."""
        return self._rest is not None

    @property
    def is_dotted(self) -> bool:
        """Whether a dot may have gone out whose answer has not come."""
        return bool(self._open) and self._open[0].is_dotted

    def begin_next(self) -> bool:
        """Say the envelope of the next mail; tell whether there was one that may begin."""
        if self._began() is None:
            return False
        self._wire.write(self._conversation.take())
        self.await_answer()
        return True

    def want_body(self) -> None:
        """Note that the relay waits for the body."""
        self._prove(self._open[0])
        self._rest = memoryview(self._open[0].body)

    def write_on(self) -> str | None:
        """Write the body, then the dot, as far as the wire takes them now; return what forbids the dot."""
        while (rest := self._rest) is not None and self._wire.empty:
            # What the relay says now, whole or in part, is heard before anything else is written.
            if self._wire.closed or self._wire.unread or not self._conversation.may_dot:
                return None
            # Behind nothing else, a small body and the dot leave in one write, or wait together.
            if not rest or len(rest) == len(self._open[0].body) <= self._wire.small:
                return self._write_dot(rest)
            self._rest = rest[_BLOCK:]
            self._wire.write(rest[:_BLOCK])
            self._wire.expect_within(self._relay.timeouts.block)
        return None

    def await_answer(self) -> None:
        """Give the relay its time for the next answer."""
        seconds = self._relay.timeouts.of(self._conversation.stage)
        self._wire.expect_within(min(seconds, self._ahead.patience()))

    def refuse(self, n: int, verdict: Verdict) -> None:
        """Decide on one recipient of the mail whose turn it is, by the number by which the relay knows it."""
        self._open[0].decide(n, verdict)

    def answer(self, recipients: Iterable[int], verdict: Verdict) -> None:
        """Take the relay's answer to the dot for these recipients."""
        for n in recipients:
            self._open[0].answer(n, self._with_evidence(verdict))

    def hear(self, event: Event) -> None:
        """Look at an event for a lost count: then no answer to this envelope can be trusted."""
        self._ahead.heard(event)
        if self._ahead.lost_count:
            self._unhear()
        elif isinstance(event, Desync) and not event.unwanted_go_ahead:
            if event.stage is Stage.RSET and event.reply is not None:
                # It may belong to the recipient before; or this relay knows no RSET.
                self._unhear(entirely=False)
            elif event.stage in ENVELOPE or event.stage is Stage.RSET:
                self._unhear()

    def lose(self, stage: Stage, problem: str, *, hung: bool) -> None:
        """Look at the end of the connection at `stage`; `hung`: it was our patience that ended."""
        self._ahead.lost(stage, problem, hung=hung)
        if self._ahead.lost_count:
            self._unhear()

    def _unhear(self, *, entirely: bool = True) -> None:
        """Take back what the relay said of the mail whose turn it is, or only that it is final."""
        if not self._open or self._open[0].is_dotted:
            return
        if entirely:
            self._open[0].unhear()
        else:
            self._open[0].soften()

    def settle(self, verdict: Verdict) -> None:
        """Give `verdict` to all recipients of the mail whose turn it is that have none."""
        self._open[0].settle(self._with_evidence(verdict))

    def finish(self) -> None:
        """Tell the mail whose turn it is its verdicts; the next one has its turn.

        On trial it is told when the answers to the envelope behind it have proven that the relay keeps count:
        one that answers out of order says 250 to MAIL where we wait for its word on the mail.
        """
        self.carried += 1
        transaction = self._open.popleft()
        if self._ahead.is_on_trial and self._open:
            self._answered = transaction
        else:
            self._prove(transaction)
            self._tell(transaction)

    def end(self) -> None:
        """Finish all mails after the connection's end; the first is settled already."""
        self.spent = True
        self._rest = None
        if self._ahead.lost_count:
            self._doubt(self._answered)
            self._doubt(self._open[0] if self._open else None)
        self._ahead.over()
        self._tell_answered()
        while self._open:
            self._open[0].settle(Untouched("the connection ended before this mail began"))
            self.carried += 1
            self._tell(self._open.popleft())

    def _prove(self, transaction: Transaction) -> None:
        """Note that the relay has answered the whole envelope of `transaction`, in order."""
        self._ahead.answered(transaction)
        self._tell_answered()

    def _tell_answered(self) -> None:
        transaction, self._answered = self._answered, None
        if transaction is not None:
            self._tell(transaction)

    def _tell(self, transaction: Transaction) -> None:
        """Tell a mail its verdicts; one whose owner breaks must not keep the others from theirs."""
        try:
            transaction.finish()
        except Exception as error:  # noqa: BLE001 raised by the connection when all have been told
            self._break(error)

    def _break(self, error: Exception) -> None:
        self.broken = self.broken or error
        self.spent = True

    def _doubt(self, transaction: Transaction | None) -> None:
        if transaction is None or not transaction.is_dotted:
            return
        reason = f"{Stage.END_OF_DATA}: the relay lost count of its answers: {self._ahead.to_blame}"
        evidence = transaction.evidence(self._clock())
        transaction.doubt_answers(InDoubt(Stage.END_OF_DATA.value, reason, None, evidence))

    def _began(self) -> Transaction | None:
        """Take mails until one has something to say to the relay, and begin it."""
        if self.is_worn or self._wire.closed or self.next_mail is None:
            return None
        while not self.is_worn and (mail := self._next()) is not None:
            transaction = Transaction(mail, self._relay)
            self._open.append(transaction)
            if self._begins(transaction):
                return transaction
            self._tell(self._open.pop())
        return None

    def _next(self) -> Mail | None:
        try:
            return None if self.next_mail is None else self.next_mail()
        except Exception as error:  # noqa: BLE001 raised by the connection when all have been told
            self._break(error)
            return None

    def _begins(self, transaction: Transaction) -> bool:
        try:
            return self._begin(transaction)
        except Exception as error:  # noqa: BLE001 as above; the dot before it must go all the same
            self._break(error)
            reason = f"unexpected {type(error).__name__} in the daemon: {error}"
            transaction.settle(Deferred("", reason, None))
            return False

    def _begin(self, transaction: Transaction) -> bool:
        """Begin the transaction, without the recipients that this relay cannot be told of."""
        self._ahead.prepare()
        envelope = transaction.envelope(self._limits.full)
        if envelope is None:
            return False
        try:
            self._conversation.begin(envelope)
        except UnsendableError:
            left = transaction.withhold(envelope, self._conversation.extensions)
            if left is None:
                return False
            self._conversation.begin(left)
        return True

    def _write_dot(self, last: memoryview) -> str | None:
        transaction = self._open[0]
        self._rest = None
        reason = _last_moment(transaction.mail)
        if reason is None:
            transaction.dotted(self._clock())
            data = b"".join((last, self._conversation.dot(), self._chained()))
            # Now, not at the check: it is one write with what is said of the mail that rides behind it.
            self.write_down()
            self._wire.write(data)
            self.await_answer()
        return reason

    def _chained(self) -> bytes:
        """Begin the next mail behind the dot that is being written, where the relay bears it."""
        if not self._ahead.may_chain():
            return b""
        transaction = self._began()
        if transaction is None:
            return b""
        self._ahead.rides(transaction)
        return self._conversation.take()

    def _with_evidence(self, verdict: Verdict) -> Verdict:
        if not isinstance(verdict, InDoubt):
            return verdict
        return replace(verdict, evidence=self._open[0].evidence(self._clock()))


def _last_moment(mail: Mail) -> str | None:
    try:
        return mail.may_dot()
    except Exception as error:  # noqa: BLE001 whatever breaks the check, the dot must not go
        return f"the last-moment check failed: {error!r}"
