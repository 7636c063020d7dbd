"""One connection to a relay that carries mail after mail, and knows at every instant what became of each.

It hears the relay, judges what it hears, and lets the carriage write on. Every end but QUIT is an abort, so
that a dot which has not left never leaves.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import replace

from outbox.delivery import judge
from outbox.delivery.ahead import Ahead
from outbox.delivery.carriage import Carriage, NextMail, WriteDown, nothing_to_write
from outbox.delivery.hint import hinted
from outbox.delivery.limits import Limits
from outbox.delivery.relay import Relay, TlsMode
from outbox.delivery.trouble import explain
from outbox.delivery.wire import Wire
from outbox.mail.verdict import RelayFault, Untouched, Verdict
from outbox.smtp.auth import Credentials
from outbox.smtp.conversation import Conversation, Terms
from outbox.smtp.event import Answered, BodyWanted, Event, Interrupted, Ready, RecipientRefused
from outbox.smtp.extensions import Extensions
from outbox.smtp.reply import Reply
from outbox.smtp.stage import Stage

_INTERRUPTED_WAIT = 5.0
"""Seconds that a relay which refused in the middle of the body has to close, too."""


class Connection:
    """One session, from its greeting to its end, for any number of mails."""

    def __init__(
        self,
        relay: Relay,
        limits: Limits,
        credentials: Credentials | None,
        tls: ssl.SSLContext | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.wire = Wire(loop, self)
        self._relay = relay
        self._limits = limits
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
        self._mails = Carriage(relay, self.wire, self._conversation, self._ahead, limits, loop.time)
        self._waiter: asyncio.Future[None] | None = None
        self.fault: RelayFault | None = None
        """What ended the session while no mail was under way."""
        self._interruption: Interrupted | None = None

    @property
    def sent(self) -> int:
        """How many mails it carried to an end, whatever their verdicts."""
        return self._mails.carried

    @property
    def usable(self) -> bool:
        """Whether a mail may begin now: open, idle, and silent, also in the socket."""
        is_free = self._waiter is None and not (self._mails.is_worn or self.wire.closed)
        return is_free and self._conversation.ready and not self.wire.unread

    @property
    def offered(self) -> Extensions:
        """What the relay offers."""
        return self._conversation.extensions

    @property
    def stage(self) -> Stage:
        """Where the session stands."""
        return Stage.TLS if self.wire.securing else self._conversation.stage

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
            self._mails.await_answer()
        await self._wait(waiter)
        return self.fault

    async def carry(self, next_mail: NextMail, write_down: WriteDown = nothing_to_write) -> None:
        """Carry mails until `next_mail` has none or the connection can carry no more.

        `write_down` is called before a dot goes out, after its last-moment check, and when mails were told
        their verdicts.
        Each mail is told its verdicts, also where this is cancelled, which ends the connection. Raises only
        CancelledError, and whatever broke in our own code, after the verdicts.
        """
        if not self.usable:
            return
        self._mails.next_mail, self._mails.write_down = next_mail, write_down
        waiter = self._waiter = self._loop.create_future()
        try:
            if not self._mails.begin_next():
                self._wake()
            await waiter
        except BaseException as error:
            self.wire.abort()
            self._end(judge.judge_break(error, dotted=self._mails.is_dotted))
            raise
        finally:
            # Also what was told without a word from the relay.
            self._mails.write_down()

    async def responds(self) -> bool:
        """Tell whether a connection that was silent for long is still there; where it is not, it ends."""
        if self.usable:
            await self._ask(self._conversation.reset)
        return self.usable

    async def quit(self) -> None:
        """Say goodbye, within a short time, and close."""
        if self._waiter is None and not self.wire.closed and self._conversation.ready:
            await self._ask(self._conversation.quit)
        self.wire.abort()
        self._ahead.over()

    async def _ask(self, say: Callable[[], None]) -> None:
        self._waiter = self._loop.create_future()
        say()
        self.wire.write(self._conversation.take())
        self._mails.await_answer()
        await self._wait(self._waiter)

    # What the wire tells.

    def secured(self) -> None:
        """Go on inside TLS."""
        if self._conversation.stage is Stage.TLS:
            self._conversation.tls_established()
            self.wire.write(self._conversation.take())
        self._mails.await_answer()

    def received(self, data: bytes) -> None:
        """Hear the relay: first all that it said, then act."""
        self._take(data)
        self._mails.write_down()

    def _take(self, data: bytes) -> None:
        conversation = self._conversation
        owed = conversation.owed
        for event in conversation.receive(data):
            self._hear(event)
        if self._interruption is not None:
            return
        if conversation.closed:
            if farewell := conversation.take():
                self.wire.write(farewell)
            self.wire.abort()
            self._end_at(conversation.stage, "the server closed the session")
            return
        if out := conversation.take():
            self.wire.write(out)
        if self._mails.is_writing:
            self._write_on()
        elif self._context is not None and conversation.stage is Stage.TLS:
            self._start_tls(self._context)
        elif out or conversation.owed != owed:
            # Each whole answer earns the next one its time; a reply that drips in does not.
            self._mails.await_answer()
        if conversation.ready and not self._mails.begin_next():
            self._wake()

    def drained(self) -> None:
        """Write on, now that everything so far has left."""
        self._write_on()

    def lost(self, error: BaseException) -> None:
        """Judge what the end of the connection means."""
        if self._interruption is not None:
            closed = not isinstance(error, TimeoutError)
            self._end(judge.judge_interruption(self._interruption.reply, closed=closed))
            return
        stage = self.stage
        problem = explain(error, self._relay, stage)
        self._mails.lose(stage, problem, hung=isinstance(error, TimeoutError))
        self._end_at(stage, problem)

    def broken(self, error: Exception) -> None:
        """Settle what is under way after a fault of our own code, and raise it to the owner."""
        self._end(judge.judge_break(error, dotted=self._mails.is_dotted), error)

    # What we do about it.

    def _hear(self, event: Event) -> None:
        """Note what one event decides; writing comes after."""
        match event:
            case BodyWanted():
                self._mails.want_body()
            case RecipientRefused(n, reply, accepted):
                self._refuse(n, reply, accepted)
            case Answered(reply, recipients, last):
                verdict = self._noted(judge.judge_reply(Stage.END_OF_DATA, reply))
                self._mails.answer(recipients, verdict)
                if last:
                    self._mails.finish()
            case Interrupted():
                self._interruption = event
                self.wire.expect_within(min(_INTERRUPTED_WAIT, self._relay.timeouts.block))
            case Ready():
                self._be_ready()
            case _:
                self._mails.hear(event)
                told = judge.judge_event(event, reused=self.sent > 0)
                if told is not None:
                    self._settle(told)

    def _be_ready(self) -> None:
        """Note the end of the handshake, or of a mail that got no dot."""
        if self._mails.is_empty:
            self._limits.announced(self._conversation.extensions.rcpt_max)
        else:
            self._mails.finish()

    def _refuse(self, n: int, reply: Reply, accepted: int) -> None:
        verdict = judge.judge_recipient(reply, accepted)
        if isinstance(verdict, Untouched):
            self._limits.too_many_recipients(accepted)
        self._mails.refuse(n, self._noted(verdict))

    def _settle(self, verdict: Verdict) -> None:
        """Give `verdict` to all that have none: the rest of the mail's recipients, or else the handshake."""
        verdict = self._noted(judge.excuse(verdict, self._ahead.to_blame))
        if not self._mails.is_empty:
            self._mails.settle(verdict)
        elif self.fault is None and isinstance(verdict, RelayFault):
            self.fault = verdict

    def _noted(self, verdict: Verdict) -> Verdict:
        """Name the relay in a fault of it, and let no further mail begin after one."""
        if not isinstance(verdict, RelayFault):
            return verdict
        self._mails.spent = True
        return replace(verdict, reason=f"relay {self._relay.name}: {hinted(verdict, self._relay)}")

    def _write_on(self) -> None:
        forbidden = self._mails.write_on()
        if forbidden is not None:
            self.wire.abort()
            self._end(Untouched(forbidden))

    def _end_at(self, stage: Stage, problem: str) -> None:
        self._end(judge.judge_loss(stage, problem, reused=self.sent > 0))

    def _end(self, verdict: Verdict, error: Exception | None = None) -> None:
        """Settle all after the connection's end: `verdict` speaks of the oldest mail or of the handshake."""
        self._settle(verdict)
        self._mails.end()
        self._wake(error)

    def _wake(self, error: Exception | None = None) -> None:
        """End the one wait of `carry`, `quit` or the handshake; `error` is what broke in our own code."""
        self._mails.next_mail = None
        error = error or self._mails.broken
        waiter, self._waiter = self._waiter, None
        if waiter is None or waiter.done():
            return
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)

    async def _wait(self, waiter: asyncio.Future[None]) -> None:
        try:
            await waiter
        except BaseException:
            self.wire.abort()
            raise

    def _start_tls(self, context: ssl.SSLContext) -> None:
        self.wire.expect_within(self._relay.timeouts.tls)
        self.wire.start_tls(context, self._relay.tls_name or self._relay.host)
