"""One connection to a relay that carries mail after mail, and knows at every instant what became of each.

The final dot is the instant that matters. It is written only when every byte before it has left, the mail's
last-moment check agrees, and the relay has said nothing unexpected, in our buffers or in the socket. Behind
it rides the next mail's envelope, where the relay bears that: so a mail costs one round trip. Every end
but QUIT is an abort, so that a dot which has not left never leaves.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from outbox.delivery import judge
from outbox.delivery.ahead import Ahead
from outbox.delivery.blame import blamed
from outbox.delivery.limits import Limits
from outbox.delivery.mail import Mail
from outbox.delivery.relay import Relay, TlsMode
from outbox.delivery.transaction import Transaction
from outbox.delivery.trouble import explain
from outbox.delivery.wire import Wire
from outbox.mail.verdict import Deferred, InDoubt, RelayFault, Untouched, Verdict
from outbox.smtp.auth import Credentials
from outbox.smtp.command import UnsendableError
from outbox.smtp.conversation import Conversation, Terms
from outbox.smtp.event import Answered, BodyWanted, Event, Interrupted, Ready, RecipientRefused
from outbox.smtp.reply import Reply
from outbox.smtp.stage import Stage

_BLOCK = 64 * 1024
_CLOSING = 421
_INTERRUPTED_WAIT = 5.0
"""Seconds that a relay which refused in the middle of the body has to close, too."""

NextMail = Callable[[], Mail | None]
"""Who has the next mail for a connection, or None when there is none now. It must not block."""


class Connection:
    """One session; `sent` counts the mails that it carried to an end, whatever their verdicts."""

    def __init__(
        self,
        relay: Relay,
        limits: Limits,
        credentials: Credentials | None,
        tls: ssl.SSLContext | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.sent = 0
        self.wire = Wire(loop, self)
        self._relay = relay
        self._limits = limits
        self._credentials = credentials
        self._context = tls
        self._loop = loop
        terms = Terms(
            hello=relay.hello,
            lmtp=relay.lmtp,
            starttls=relay.tls in (TlsMode.STARTTLS, TlsMode.OPPORTUNISTIC),
            optional=relay.tls is TlsMode.OPPORTUNISTIC,
            verified=relay.tls is not TlsMode.OPPORTUNISTIC,
            credentials=credentials,
            allow_plaintext_auth=relay.allow_plaintext_auth,
        )
        self._conversation = Conversation(terms, encrypted=relay.tls is TlsMode.IMPLICIT)
        self._ahead = Ahead(limits, self._conversation)
        self._waiter: asyncio.Future[None] | None = None
        self._next_mail: NextMail | None = None
        # The mail that is under way, and behind it the one whose envelope rides behind its dot.
        self._open: deque[Transaction] = deque()
        # What is still to write of the body; None unless the relay waits for it.
        self._rest: memoryview | None = None
        self._fault: RelayFault | None = None
        self._interruption: Interrupted | None = None
        self._spent = False

    @property
    def usable(self) -> bool:
        """Whether a mail may begin now: open, idle, and silent, also in the socket."""
        if self._waiter is not None or self._spent or self.wire.closed:
            return False
        return self._conversation.ready and not self.wire.unread

    def abort(self) -> None:
        """End at once; what has not left is never sent. The mails under way get their verdicts."""
        if not self.wire.closed:
            self.wire.abort()
            self._end_at(self._conversation.stage, "aborted on our side")

    async def shake_hands(self) -> RelayFault | None:
        """Go from the open wire to the first mail; return what prevented it."""
        waiter = self._waiter = self._loop.create_future()
        if self._context is not None and self._relay.tls is TlsMode.IMPLICIT:
            self._start_tls(self._context)
        else:
            self._await_answer()
        await self._wait(waiter)
        return self._fault

    async def carry(self, next_mail: NextMail) -> None:
        """Carry mails until `next_mail` has none or the connection can carry no more.

        Each mail is told its verdicts, also where this is cancelled, which ends the connection. Raises only
        CancelledError, and whatever broke in our own code, after the verdicts.
        """
        if not self.usable:
            return
        self._next_mail = next_mail
        waiter = self._waiter = self._loop.create_future()
        try:
            self._begin_next()
            await waiter
        except BaseException as error:
            self.wire.abort()
            self._end(_unexpected(error, dotted=self._is_dotted()))
            raise

    async def quit(self) -> None:
        """Say goodbye, within a short time, and close."""
        if self._waiter is None and not self.wire.closed and self._conversation.ready:
            waiter = self._waiter = self._loop.create_future()
            self._conversation.quit()
            self.wire.write(self._conversation.take())
            self._await_answer()
            await self._wait(waiter)
        self.wire.abort()
        self._ahead.over()

    # What the wire tells.

    def secured(self) -> None:
        """Go on inside TLS."""
        if self._conversation.stage is Stage.TLS:
            self._conversation.tls_established()
            self.wire.write(self._conversation.take())
        self._await_answer()

    def received(self, data: bytes) -> None:
        """Hear the relay: first all that it said, then act."""
        conversation = self._conversation
        owed = conversation.owed
        for event in conversation.receive(data):
            self._hear(event)
        if self._interruption is not None:
            return
        if conversation.closed:
            self.wire.abort()
            self._end_at(conversation.stage, "the server closed the session")
            return
        if out := conversation.take():
            self.wire.write(out)
        if self._rest is not None:
            self._write_body()
        elif self._context is not None and conversation.stage is Stage.TLS:
            self._start_tls(self._context)
        elif out or conversation.owed != owed:
            # Each whole answer earns the next one its time; a reply that drips in does not.
            self._await_answer()
        if not self._open and conversation.ready:
            self._begin_next()

    def drained(self) -> None:
        """Write on, now that everything so far has left."""
        if self._rest is not None:
            self._write_body()

    def lost(self, error: BaseException) -> None:
        """Judge what the end of the connection means."""
        if self._interruption is not None:
            closed = not isinstance(error, TimeoutError)
            self._end(judge.judge_interruption(self._interruption.reply, closed=closed))
            return
        stage = Stage.TLS if self.wire.securing else self._conversation.stage
        problem = explain(error, self._relay, stage)
        self._ahead.lost(stage, problem, hung=isinstance(error, TimeoutError))
        self._end_at(stage, problem)

    def broken(self, error: Exception) -> None:
        """Settle what is under way after a fault of our own code, and raise it to the owner."""
        waiter = self._waiter
        self._waiter = None
        try:
            self._end(_unexpected(error, dotted=self._is_dotted()))
        finally:
            if waiter is not None and not waiter.done():
                waiter.set_exception(error)

    # What we do about it.

    def _hear(self, event: Event) -> None:
        """Note what one event decides; writing comes after."""
        match event:
            case BodyWanted():
                self._ahead.answered(self._open[0])
                self._rest = memoryview(self._open[0].body)
            case RecipientRefused(n, reply, accepted):
                self._refuse(n, reply, accepted)
            case Answered(reply, recipients, last):
                self._answer(reply, recipients, last=last)
            case Interrupted():
                self._interruption = event
                self.wire.expect_within(min(_INTERRUPTED_WAIT, self._relay.timeouts.block))
            case Ready():
                self._be_ready()
            case _:
                self._ahead.heard(event)
                verdict = judge.judge_event(event)
                if self._is_farewell(verdict):
                    self._spent = True
                    verdict = Untouched("the relay takes no more mails on this connection")
                if verdict is not None:
                    self._settle(verdict)

    def _refuse(self, n: int, reply: Reply, accepted: int) -> None:
        verdict = judge.judge_recipient(reply, accepted)
        if isinstance(verdict, Untouched):
            self._limits.too_many_recipients(accepted)
        self._open[0].decide(n, self._noted(verdict))

    def _answer(self, reply: Reply, recipients: Iterable[int], *, last: bool) -> None:
        """Take the answer to the dot, of all or in LMTP of one."""
        verdict = self._with_evidence(self._noted(judge.judge_reply(Stage.END_OF_DATA, reply)))
        for n in recipients:
            self._open[0].decide(n, verdict)
        if last:
            self._finish()

    def _be_ready(self) -> None:
        """Note the end of the handshake, or of a mail that got no dot."""
        if self._open:
            self._ahead.answered(self._open[0])
            self._finish()
        elif self._next_mail is None:
            self._limits.announced(self._conversation.extensions.rcpt_max)
            self._wake()

    def _is_farewell(self, verdict: Verdict | None) -> bool:
        """Tell whether a kept connection is only over: 421 in place of the next mail's first answer."""
        if not isinstance(verdict, RelayFault) or verdict.answer is None or not self.sent:
            return False
        return verdict.stage == Stage.MAIL_FROM and verdict.answer.code == _CLOSING

    def _settle(self, verdict: Verdict) -> None:
        """Give `verdict` to all that have none: the rest of the mail's recipients, or else the handshake."""
        if self._ahead.to_blame is not None and not isinstance(verdict, InDoubt):
            verdict = Untouched(f"the relay does not bear commands ahead of answers: {self._ahead.to_blame}")
        verdict = self._noted(verdict)
        if self._open:
            self._open[0].settle(self._with_evidence(verdict))
        elif self._fault is None and isinstance(verdict, RelayFault):
            self._fault = verdict

    def _noted(self, verdict: Verdict) -> Verdict:
        """Name the relay in a fault of it, and let no further mail begin after one."""
        if not isinstance(verdict, RelayFault):
            return verdict
        self._spent = True
        known = self._credentials
        said = (known.password or "", known.token or "", *self._conversation.secrets) if known else ()
        return blamed(verdict, self._relay.name, said)

    def _with_evidence(self, verdict: Verdict) -> Verdict:
        if not isinstance(verdict, InDoubt):
            return verdict
        return replace(verdict, evidence=self._open[0].evidence(self._loop.time()))

    # The mails.

    def _begin_next(self) -> None:
        """Begin the next mail, or end `carry` where there is none or none may begin."""
        transaction = None
        if not (self._spent or self._is_full() or self.wire.closed):
            transaction = self._started()
        if transaction is None:
            self._wake()
            return
        self.wire.write(self._conversation.take())
        self._await_answer()

    def _started(self) -> Transaction | None:
        """Take mails until one has something to say to the relay, and begin it."""
        while self._next_mail is not None and (mail := self._next_mail()) is not None:
            transaction = Transaction(mail, self._relay)
            self._open.append(transaction)
            if self._begin(transaction):
                return transaction
            self._open.pop().finish()
        return None

    def _begin(self, transaction: Transaction) -> bool:
        """Begin the transaction, without the recipients that this relay cannot be told of."""
        conversation = self._conversation
        self._ahead.prepare()
        envelope = transaction.envelope()
        if envelope is None:
            return False
        try:
            conversation.begin(envelope)
        except UnsendableError:
            left = transaction.withhold(envelope, conversation.extensions)
            if left is None:
                return False
            conversation.begin(left)
        return True

    def _is_full(self) -> bool:
        """Whether the relay takes no more mails on one connection (RFC 9422)."""
        most = self._conversation.extensions.mail_max
        return most is not None and self.sent + len(self._open) >= most

    def _write_body(self) -> None:
        """Write the body, then the dot, as far as the wire takes them now; `drained` and `received` go on."""
        while (rest := self._rest) is not None and self.wire.empty:
            # What the relay says now, whole or in part, is heard before anything else is written.
            if self.wire.closed or self.wire.unread or not self._conversation.may_dot:
                return
            # Behind nothing else, a small body and the dot leave in one write, or wait together.
            if not rest or len(rest) == len(self._open[0].body) <= self.wire.small:
                self._write_dot(rest)
                return
            self._rest = rest[_BLOCK:]
            self.wire.write(rest[:_BLOCK])
            self.wire.expect_within(self._relay.timeouts.block)

    def _write_dot(self, last: memoryview) -> None:
        """Take the step after which only the relay knows what became of the mail."""
        self._rest = None
        transaction = self._open[0]
        reason = _last_moment(transaction.mail)
        if reason is not None:
            self.wire.abort()
            self._end(Untouched(reason))
            return
        transaction.dotted(self._loop.time())
        dot = self._conversation.dot()
        self.wire.write(b"".join((last, dot, self._chained())))
        self._await_answer()

    def _chained(self) -> bytes:
        """Begin the next mail behind the dot that is being written, where the relay bears it."""
        if self._spent or self._is_full() or not self._ahead.may_chain():
            return b""
        transaction = self._started()
        if transaction is None:
            return b""
        self._ahead.rides(transaction)
        return self._conversation.take()

    def _finish(self) -> None:
        """Tell the oldest mail its verdicts."""
        self.sent += 1
        self._open.popleft().finish()

    def _is_dotted(self) -> bool:
        return bool(self._open) and self._open[0].is_dotted

    def _end_at(self, stage: Stage, problem: str) -> None:
        self._end(judge.judge_loss(stage, problem, reused=self.sent > 0))

    def _end(self, verdict: Verdict) -> None:
        """Settle all mails after the connection's end: `verdict` speaks of the oldest or of the handshake."""
        self._rest = None
        self._spent = True
        self._settle(verdict)
        self._ahead.over()
        try:
            while self._open:
                self._finish()
                if self._open:
                    self._open[0].settle(Untouched("the connection ended before this mail began"))
        finally:
            self._wake()

    def _wake(self) -> None:
        """End the one wait of `carry`, `quit` or the handshake."""
        self._next_mail = None
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def _wait(self, waiter: asyncio.Future[None]) -> None:
        try:
            await waiter
        except BaseException:
            self.wire.abort()
            raise

    def _await_answer(self) -> None:
        seconds = self._relay.timeouts.of(self._conversation.stage)
        self.wire.expect_within(min(seconds, self._ahead.patience()))

    def _start_tls(self, context: ssl.SSLContext) -> None:
        self.wire.expect_within(self._relay.timeouts.tls)
        self.wire.start_tls(context, self._relay.tls_name or self._relay.host)


def _last_moment(mail: Mail) -> str | None:
    try:
        return mail.may_dot()
    except Exception as error:  # noqa: BLE001 whatever breaks the check, the dot must not go
        return f"the last-moment check failed: {error!r}"


def _unexpected(error: BaseException, *, dotted: bool) -> Verdict:
    """Judge a mail that was left in the middle, by our owner or by a fault of our own code."""
    if isinstance(error, asyncio.CancelledError):
        left = "the daemon was told to leave"
        return InDoubt(Stage.END_OF_DATA.value, left, None) if dotted else Untouched(left)
    reason = f"unexpected {type(error).__name__} in the daemon: {error}"
    return InDoubt(Stage.END_OF_DATA.value, reason, None) if dotted else Deferred("", reason, None)
