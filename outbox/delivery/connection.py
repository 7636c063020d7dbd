"""One connection to a relay that carries mail after mail, and knows at every instant what became of each.

The final dot is the instant that matters. It is written only when every byte before it has left, the caller's
last-moment check agrees, and the relay has said nothing unexpected, in our buffers or in the socket. Every
end but QUIT is an abort, so that a dot which has not left never leaves.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import replace

from outbox.delivery import judge
from outbox.delivery.relay import Relay, TlsMode
from outbox.delivery.tls import client_context
from outbox.delivery.transaction import Envelope, Transaction
from outbox.delivery.trouble import FAULTS, explain
from outbox.delivery.wire import Wire
from outbox.mail.verdict import InDoubt, Rejected, RelayFault, Untouched, Verdict
from outbox.smtp.auth import plain
from outbox.smtp.body import dot_stuff
from outbox.smtp.command import UnsendableError
from outbox.smtp.conversation import Conversation
from outbox.smtp.event import Answered, BodyWanted, Event, Interrupted, Ready, RecipientRefused
from outbox.smtp.stage import Stage

__all__ = ["Connection", "Envelope", "MayDot", "connect"]

_BLOCK = 64 * 1024
_CLOSING = 421
_INTERRUPTED_WAIT = 5.0
"""Seconds that a relay which refused in the middle of the body has to close, too."""

MayDot = Callable[[], str | None]
"""The last-moment check: None if the dot may go, else the reason why not. It must not block."""


async def connect(relay: Relay, tls: ssl.SSLContext | None) -> "Connection | RelayFault":
    """Connect to `relay`, up to the point where a mail may begin. Never raises but CancelledError.

    `tls` is the relay's `client_context`; it is built here where it is None and needed.
    """
    loop = asyncio.get_running_loop()
    stage = Stage.TLS
    try:
        if tls is None and relay.tls is not TlsMode.NONE:
            tls = client_context(relay)
        stage = Stage.CONNECT
        connection = Connection(relay, tls, loop)
        async with asyncio.timeout(relay.timeouts.connect):
            # An address that never answers must not use up the time of the next one (RFC 8305).
            await loop.create_connection(
                lambda: connection.wire, relay.host, relay.port, happy_eyeballs_delay=0.25
            )
    except FAULTS as error:
        problem = explain(error, relay, stage)
        return RelayFault(stage.value, f"relay {relay.name}: {stage}: {problem}", None)
    return await connection.shake_hands() or connection


class Connection:
    """A connection that is past its handshake; one mail at a time.

    `sent` counts the mails that it carried to an end, whatever their verdicts. `outstanding_dot` is true
    while a dot is written and not answered. `left` has the verdicts of a mail whose `send` was cancelled.
    """

    def __init__(self, relay: Relay, tls: ssl.SSLContext | None, loop: asyncio.AbstractEventLoop) -> None:
        self.sent = 0
        self.outstanding_dot = False
        self.left: list[Verdict] = []
        self.wire = Wire(loop, self)
        self._relay = relay
        self._context = tls
        self._loop = loop
        self._conversation = Conversation(
            hello=relay.hello,
            starttls=relay.tls is TlsMode.STARTTLS,
            encrypted=relay.tls is TlsMode.IMPLICIT,
            credentials=relay.credentials,
            allow_plaintext_auth=relay.allow_plaintext_auth,
        )
        self._waiter: asyncio.Future[None] | None = None
        self._mail: Transaction | None = None
        self._may_dot: MayDot | None = None
        self._body = b""
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
        """End at once; what has not left is never sent. A `send` that waits gets its verdicts."""
        if not self.wire.closed:
            self.wire.abort()
            self.lost(ConnectionAbortedError("aborted on our side"))

    async def shake_hands(self) -> RelayFault | None:
        """Go from the open wire to the first mail; return what prevented it."""
        self._waiter = self._loop.create_future()
        if self._context is not None and self._relay.tls is TlsMode.IMPLICIT:
            self._start_tls(self._context)
        else:
            self._await_answer()
        await self._wait(self._waiter)
        return self._fault

    async def send(self, envelope: Envelope, may_dot: MayDot) -> list[Verdict]:
        """Send one mail; return a verdict for each recipient, in order. Never raises but CancelledError.

        After a cancellation the connection is gone, and `left` says what became of the mail.
        """
        mail = Transaction(envelope)
        if not self.usable:
            mail.settle(Untouched("the connection cannot be used any more"))
        elif self._begin(mail):
            self._mail, self._may_dot = mail, may_dot
            self._waiter = self._loop.create_future()
            self.wire.write(self._conversation.take())
            self._await_answer()
            try:
                await self._wait(self._waiter)
            except asyncio.CancelledError:
                self.left = self._leave(mail)
                raise
        return mail.verdicts()

    def _leave(self, mail: Transaction) -> list[Verdict]:
        """Return what is known of a mail whose `send` was cancelled: an answer that has come counts."""
        left = "the daemon was told to leave"
        doubt = InDoubt(Stage.END_OF_DATA.value, left, None)
        mail.settle(doubt if self.outstanding_dot else Untouched(left))
        return mail.verdicts()

    async def quit(self) -> None:
        """Say goodbye, within a short time, and close."""
        if self._waiter is None and not self.wire.closed and self._conversation.ready:
            self._waiter = self._loop.create_future()
            self._conversation.quit()
            self.wire.write(self._conversation.take())
            self._await_answer()
            await self._wait(self._waiter)
        self.wire.abort()

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
            self._wake()
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

    def drained(self) -> None:
        """Write on, now that everything so far has left."""
        if self._rest is not None:
            self._write_body()

    def lost(self, error: BaseException) -> None:
        """Judge what the end of the connection means."""
        if self._interruption is not None:
            closed = not isinstance(error, TimeoutError)
            self._settle(judge.judge_interruption(self._interruption.reply, closed=closed))
        else:
            stage = Stage.TLS if self.wire.securing else self._conversation.stage
            problem = explain(error, self._relay, stage)
            self._settle(judge.judge_loss(stage, problem, reused=self.sent > 0))
        self._wake()

    # What we do about it.

    def _hear(self, event: Event) -> None:
        """Note what one event decides; writing comes after."""
        match event:
            case BodyWanted():
                self._rest = memoryview(self._body)
            case RecipientRefused(n, reply):
                self._refuse(n, judge.judge_reply(Stage.RCPT_TO, reply))
            case Interrupted():
                self._interruption = event
                self.wire.expect_within(min(_INTERRUPTED_WAIT, self._relay.timeouts.block))
            case Ready():
                self._finish()
            case _:
                verdict = judge.judge_event(event)
                if self._is_farewell(verdict):
                    self._spent = True
                    self._settle(Untouched("the relay takes no more mails on this connection"))
                elif verdict is not None:
                    self._settle(verdict)
                if isinstance(event, Answered):
                    self._finish()

    def _is_farewell(self, verdict: Verdict | None) -> bool:
        """Tell whether a kept connection is only over: 421 in place of the next mail's first answer."""
        if not isinstance(verdict, RelayFault) or verdict.answer is None or not self.sent:
            return False
        return verdict.stage == Stage.MAIL_FROM and verdict.answer.code == _CLOSING

    def _settle(self, verdict: Verdict) -> None:
        """Give `verdict` to all that have none: the rest of the mail's recipients, or else the handshake."""
        verdict = self._noted(verdict)
        if self._mail is not None:
            self._mail.settle(verdict)
        elif isinstance(verdict, RelayFault):
            self._fault = verdict

    def _refuse(self, n: int, verdict: Verdict) -> None:
        if self._mail is not None:
            self._mail.refuse(n, self._noted(verdict))

    def _noted(self, verdict: Verdict) -> Verdict:
        """Name the relay in a fault of it, and let no further mail begin after one."""
        if not isinstance(verdict, RelayFault):
            return verdict
        self._spent = True
        return replace(verdict, reason=f"relay {self._relay.name}: {self._without_secret(verdict.reason)}")

    def _without_secret(self, text: str) -> str:
        """Take our password out of the words of a relay that repeats what it does not understand."""
        credentials = self._relay.credentials
        if credentials is None:
            return text
        for secret in (plain(credentials).split()[-1].decode("ascii"), credentials.password):
            # Its beginning is enough: what was said may have been cut.
            before, found, _ = text.partition(secret[:8])
            text = before + "<password>" if found and secret else text
        return text

    def _begin(self, mail: Transaction) -> bool:
        """Begin the transaction, without the recipients that plain SMTP cannot carry."""
        sender = mail.envelope.sender
        try:
            self._body = dot_stuff(mail.envelope.body)
        except UnsendableError as error:
            mail.settle(Rejected(Stage.BODY.value, f"{Stage.BODY}: {error}", None))
            return False
        try:
            self._conversation.begin(sender, mail.recipients)
        except UnsendableError:
            mail.withhold_unsendable()
            if not mail.recipients:
                return False
            self._conversation.begin(sender, mail.recipients)
        return True

    def _write_body(self) -> None:
        """Write the body, then the dot, as far as the wire takes them now; `drained` and `received` go on."""
        while (rest := self._rest) is not None and self.wire.empty:
            # What the relay says now, whole or in part, is heard before anything else is written.
            if self.wire.closed or self.wire.unread or not self._conversation.may_dot:
                return
            # Behind nothing else, a small body and the dot leave in one write, or wait together.
            if not rest or len(rest) == len(self._body) <= self.wire.small:
                self._write_dot(rest)
                return
            self._rest = rest[_BLOCK:]
            self.wire.write(rest[:_BLOCK])
            self.wire.expect_within(self._relay.timeouts.block)

    def _write_dot(self, last: memoryview) -> None:
        """Take the step after which only the relay knows what became of the mail."""
        self._rest = None
        reason = self._last_moment()
        if reason is not None:
            self._settle(Untouched(reason))
            self.wire.abort()
            self._wake()
            return
        self.outstanding_dot = True
        self.wire.write(b"".join((last, self._conversation.dot())))
        self._await_answer()

    def _last_moment(self) -> str | None:
        try:
            return None if self._may_dot is None else self._may_dot()
        except Exception as error:  # noqa: BLE001 whatever breaks the check, the dot must not go
            return f"the last-moment check failed: {error!r}"

    def _finish(self) -> None:
        if self._mail is not None:
            self.sent += 1
        self._wake()

    def _wake(self) -> None:
        """End the one wait of `send`, `quit` or the handshake."""
        self._mail = self._rest = self._may_dot = None
        self.outstanding_dot = False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self, waiter: asyncio.Future[None]) -> None:
        try:
            await waiter
        except BaseException:
            self.wire.abort()
            raise
        finally:
            self._waiter = None

    def _await_answer(self) -> None:
        self.wire.expect_within(self._relay.timeouts.of(self._conversation.stage))

    def _start_tls(self, context: ssl.SSLContext) -> None:
        self.wire.expect_within(self._relay.timeouts.tls)
        self.wire.start_tls(context, self._relay.host)
