"""One SMTP session without I/O: bytes in, events out, bytes out (RFC 5321, RFC 2033, RFC 2920).

What an answer does stands in `transitions.TABLE`; who does it is the handshake or the mailing. The owner
writes what `take()` returns after each call.
"""

from outbox.smtp import command, event
from outbox.smtp.envelope import Envelope
from outbox.smtp.event import Event
from outbox.smtp.extensions import Extensions
from outbox.smtp.handshake import Handshake, Terms
from outbox.smtp.mailing import Mailing
from outbox.smtp.pairing import Pairing, Unasked
from outbox.smtp.reply import CLOSING, Reply
from outbox.smtp.scrub import Scrubber
from outbox.smtp.stage import Stage
from outbox.smtp.transitions import TABLE, Act

__all__ = ["Conversation", "Terms"]

_HANDSHAKE = frozenset({Stage.GREETING, Stage.EHLO, Stage.HELO, Stage.STARTTLS, Stage.AUTH})


class Conversation:
    """The client's side of one session, from the greeting to QUIT.

    `encrypted` says that the channel is TLS already. Raises UnsendableError where our name cannot be said.
    """

    def __init__(self, terms: Terms, *, encrypted: bool = False) -> None:
        self.closed = False
        self._scrubber = Scrubber()
        self._pairing = Pairing(self._scrubber.line)
        self._farewell = b""
        self._handshake = Handshake(terms, self._pairing, self._scrubber, encrypted=encrypted)
        self._mailing = Mailing(self._pairing, lmtp=terms.lmtp)
        self._acts = self._handshake.acts() | self._mailing.acts() | {Act.LEAVE: self._leave}
        # The table once more, with its acts looked up: four times a mail is often.
        self._table = {
            stage: {kind: self._acts[transition.act] for kind, transition in row.items()}
            for stage, row in TABLE.items()
        }

    @property
    def extensions(self) -> Extensions:
        """What the relay offers."""
        return self._handshake.extensions

    @property
    def stage(self) -> Stage:
        """What the oldest unanswered question is, or what we do while none is open."""
        if self._pairing.asked:
            return self._pairing.asked[0]
        if self._mailing.wants_body:
            return Stage.BODY
        return Stage.TLS if self._handshake.wants_tls else Stage.IDLE

    @property
    def owed(self) -> int:
        """How many answers are awaited."""
        return len(self._pairing.asked)

    @property
    def ready(self) -> bool:
        """Whether a mail may begin now: nothing is open, nothing is unread."""
        return self.stage is Stage.IDLE and not self.closed and not self._pairing.unread

    @property
    def may_dot(self) -> bool:
        """Whether the dot may go: the relay wants a body and has said nothing since."""
        pairing = self._pairing
        return self._mailing.wants_body and not (pairing.asked or self.closed or pairing.unread)

    @property
    def pipelines(self) -> bool:
        """Whether commands are written ahead of their answers."""
        return self._mailing.ahead

    @property
    def may_chain(self) -> bool:
        """Whether the next mail may begin although the dot is not answered."""
        return self._mailing.may_chain and not self.closed

    def take(self) -> bytes:
        """Return what must be written now."""
        return self._farewell if self.closed else self._pairing.take()

    def pipeline(self, *, ahead: bool, apart: bool) -> None:
        """Say whether the next mails may be written ahead of the answers, if the relay offers it.

        `apart` keeps DATA back until the recipients are answered.
        """
        self._mailing.ahead = ahead and self.extensions.pipelining
        self._mailing.apart = apart

    def begin(self, envelope: Envelope) -> None:
        """Begin a transaction: in one write where the relay pipelines, else step by step.

        Raises UnsendableError before anything is said.
        """
        if not (self.may_chain or self.ready) or not envelope.recipients:
            raise RuntimeError(f"no transaction can begin at {self.stage}")
        offered = self.extensions
        mail = envelope.mail(offered)
        self._mailing.begin(mail, [envelope.rcpt(recipient, offered) for recipient in envelope.recipients])

    def dot(self) -> bytes:
        """Return the final dot, which from now on counts as said."""
        if not self.may_dot:
            raise RuntimeError(f"no dot can be said at {self.stage}")
        return self._mailing.dot()

    def reset(self) -> None:
        """Ask, between two mails, whether the relay is still there; it is ready again when it answers."""
        self._pairing.ask(Stage.RSET, command.RSET)

    def quit(self) -> None:
        """Say goodbye."""
        self._pairing.ask(Stage.QUIT, command.QUIT)

    def tls_established(self) -> None:
        """Begin again inside TLS: all that was heard in the clear is forgotten (RFC 3207 §4.2)."""
        self._handshake.tls_established()

    def receive(self, data: bytes) -> list[Event]:
        """Take bytes from the relay and return what they mean; nothing after a closing event."""
        if self.closed:
            return []
        events: list[Event] = []
        # A refusal in the middle of the body may come in pieces.
        for heard in self._pairing.hear(data, may_interrupt=self.stage is Stage.BODY):
            if isinstance(heard, tuple):
                asked, reply = heard
                told = self._answer(asked, self._scrubber.reply(reply))
            elif isinstance(heard, Unasked):
                told = self._unasked(self._scrubber.reply(heard.reply))
            else:
                told = event.Desync(self.stage, heard.reason, None)
            if told is not None:
                events.append(told)
                self.closed = self.closed or isinstance(told, event.ENDS)
            if self.closed:
                self._take_leave(told)
                break
        return events

    def _take_leave(self, told: Event | None) -> None:
        """Leave nothing to say after the end but the QUIT that a refusing server expects (RFC 5321 §3.1)."""
        unsaid = self._pairing.take()
        if isinstance(told, event.HandshakeRefused) and (told.reply is None or told.reply.code != CLOSING):
            self._farewell = unsaid + command.QUIT

    def _answer(self, asked: Stage, reply: Reply) -> Event | None:
        if reply.code == CLOSING:
            self.closed = True
            if asked not in _HANDSHAKE and asked is not Stage.END_OF_DATA:
                return event.Closing(asked, reply)
        act = self._table[asked].get(reply.kind)
        if act is None:
            return event.Desync(asked, f"the answer {reply.code} is none to {asked}", reply)
        return act(asked, reply)

    def _unasked(self, reply: Reply) -> Event:
        """Judge a reply to no question: a farewell, a refusal in the middle of the body, or a fault."""
        stage = self.stage
        if reply.code == CLOSING:
            return event.Closing(stage, reply)
        if stage is Stage.BODY and reply.kind in (4, 5):
            return event.Interrupted(reply)
        return event.Desync(stage, f"the reply {reply.code} answers nothing", reply)

    def _leave(self, asked: Stage, reply: Reply) -> Event:
        return event.Closing(asked, reply)
