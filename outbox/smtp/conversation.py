"""One SMTP session as a state machine without I/O: bytes in, events out, bytes out (RFC 5321, RFC 2920).

Every command that was said is a question in `_asked`, every reply answers the oldest one, and `TABLE` at
the end says what each answer does. So replies are paired strictly by count, pipelined or not, and whatever
comes unasked is a fault. The owner writes what `take()` returns after each call.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import ClassVar

from outbox.smtp import auth, command, event
from outbox.smtp.event import Event
from outbox.smtp.extensions import Extensions, parse_extensions
from outbox.smtp.reply import ProtocolError, Reply, ReplyParser
from outbox.smtp.stage import Stage

SHUTTING_DOWN = 421
"""The one code that may answer any command, or none, and says that the server closes (RFC 5321 §3.8)."""

_HANDSHAKE = frozenset({Stage.GREETING, Stage.EHLO, Stage.HELO, Stage.STARTTLS, Stage.AUTH})

_Act = Callable[["Conversation", Stage, Reply], Event | None]


_NO_STARTTLS = (
    "the server does not offer STARTTLS; if it speaks TLS at once, or is a local catcher, say so in smtp_tls"
)


class Conversation:
    """The client's side of one session, from the greeting to QUIT.

    `starttls` demands STARTTLS; `encrypted` says that the channel is TLS already. `credentials` are never
    said on a channel without TLS unless `allow_plaintext_auth`. Raises UnsendableError where `hello` or the
    credentials cannot be said.
    """

    def __init__(
        self,
        *,
        hello: str,
        starttls: bool = False,
        encrypted: bool = False,
        credentials: auth.Credentials | None = None,
        allow_plaintext_auth: bool = False,
    ) -> None:
        self.extensions = Extensions()
        self.closed = False
        self._ehlo = command.ehlo(hello)
        self._helo = command.helo(hello)
        self._auth = None if credentials is None else auth.plain(credentials)
        self._starttls = starttls
        self._encrypted = encrypted
        self._allow_plaintext_auth = allow_plaintext_auth
        self._parser = ReplyParser()
        self._asked: deque[Stage] = deque([Stage.GREETING])
        self._resting = Stage.IDLE
        self._out: list[bytes] = []
        self._unsaid: deque[bytes] = deque()
        self._recipients = 0
        self._answered = 0
        self._accepted = 0
        self._sender_accepted = False

    @property
    def stage(self) -> Stage:
        """What the oldest unanswered question is, or what we do while none is open."""
        return self._asked[0] if self._asked else self._resting

    @property
    def owed(self) -> int:
        """How many answers are awaited."""
        return len(self._asked)

    @property
    def ready(self) -> bool:
        """Whether a mail may begin now: nothing is open, nothing is unread."""
        return not (self._asked or self.closed or self._parser.unread) and self._resting is Stage.IDLE

    @property
    def may_dot(self) -> bool:
        """Whether the dot may go: the relay wants a body and has said nothing since."""
        return self._resting is Stage.BODY and not (self._asked or self.closed or self._parser.unread)

    def take(self) -> bytes:
        """Return what must be written now."""
        if not self._out:
            return b""
        out = b"".join(self._out)
        self._out.clear()
        return out

    def begin(self, sender: str, recipients: Sequence[str]) -> None:
        """Begin a transaction: in one write where the relay pipelines, else step by step.

        Raises UnsendableError before anything is said.
        """
        if not self.ready or not recipients:
            raise RuntimeError(f"no transaction can begin at {self.stage}")
        mail = command.mail_from(sender)
        envelope = [command.rcpt_to(recipient) for recipient in recipients]
        self._recipients = len(envelope)
        self._answered = self._accepted = 0
        self._sender_accepted = False
        self._ask(Stage.MAIL_FROM, mail)
        if self.extensions.pipelining:
            self._out += envelope
            self._asked.extend([Stage.RCPT_TO] * self._recipients)
            self._ask(Stage.DATA, command.DATA)
        else:
            self._unsaid = deque(envelope)

    def dot(self) -> bytes:
        """Return the final dot, which from now on counts as said."""
        if not self.may_dot:
            raise RuntimeError(f"no dot can be said at {self.stage}")
        self._resting = Stage.IDLE
        self._asked.append(Stage.END_OF_DATA)
        return command.DOT

    def quit(self) -> None:
        """Say goodbye."""
        self._ask(Stage.QUIT, command.QUIT)

    def tls_established(self) -> None:
        """Begin again inside TLS: all that was heard in the clear is forgotten (RFC 3207 §4.2)."""
        self._encrypted = True
        self._resting = Stage.IDLE
        self.extensions = Extensions()
        self._ask(Stage.EHLO, self._ehlo)

    def receive(self, data: bytes) -> list[Event]:
        """Take bytes from the relay and return what they mean; nothing after a closing event."""
        if self.closed:
            return []
        # Only what was asked before these bytes came can be answered by them.
        owed = len(self._asked)
        told_to_wait = not owed and self._resting is Stage.BODY
        try:
            replies = self._parser.feed(data)
        except ProtocolError as error:
            return [self._desync(self.stage, str(error))]
        events: list[Event] = []
        for reply in replies:
            told = self._answer(reply) if owed > 0 else self._unasked(reply)
            owed -= 1
            if told is not None:
                events.append(told)
            if self.closed:
                return events
        if self._parser.fault is not None:
            events.append(self._desync(self.stage, self._parser.fault))
        # A refusal in the middle of the body may come in pieces; else nothing may follow the last answer.
        elif owed <= 0 and self._parser.unread and not told_to_wait:
            events.append(self._desync(self.stage, "bytes that answer nothing"))
        return events

    def _ask(self, stage: Stage, line: bytes) -> None:
        self._asked.append(stage)
        self._out.append(line)

    def _answer(self, reply: Reply) -> Event | None:
        """Pair `reply` with the oldest question."""
        asked = self._asked.popleft()
        if reply.code == SHUTTING_DOWN:
            self.closed = True
            if asked not in _HANDSHAKE and asked is not Stage.END_OF_DATA:
                return event.Closing(asked, reply)
        act = self.TABLE[asked].get(reply.kind)
        if act is None:
            return self._desync(asked, f"the answer {reply.code} is none to {asked}", reply)
        return act(self, asked, reply)

    def _unasked(self, reply: Reply) -> Event:
        """Judge a reply to no question: a farewell, a refusal in the middle of the body, or a fault."""
        self.closed = True
        if reply.code == SHUTTING_DOWN:
            return event.Closing(self.stage, reply)
        if self._resting is Stage.BODY and reply.kind in (4, 5):
            return event.Interrupted(reply)
        return self._desync(self.stage, f"the reply {reply.code} answers nothing", reply)

    def _desync(self, stage: Stage, reason: str, reply: Reply | None = None) -> event.Desync:
        self.closed = True
        return event.Desync(stage, reason, reply)

    # The handshake.

    def _refused(self, asked: Stage, reply: Reply) -> Event:
        return self._lacking(asked, "refused", reply)

    def _lacking(self, stage: Stage, reason: str, reply: Reply | None = None) -> Event:
        self.closed = True
        return event.HandshakeRefused(stage, reason, reply)

    def _say_ehlo(self, _asked: Stage, _reply: Reply) -> None:
        self._ask(Stage.EHLO, self._ehlo)

    def _say_helo(self, _asked: Stage, _reply: Reply) -> None:
        self._ask(Stage.HELO, self._helo)

    def _learn(self, asked: Stage, reply: Reply) -> Event | None:
        """Take the offers of the relay, and go on to what is still needed."""
        if asked is Stage.EHLO:
            self.extensions = parse_extensions(reply)
        if self._starttls and not self._encrypted:
            if not self.extensions.starttls:
                return self._lacking(Stage.STARTTLS, _NO_STARTTLS)
            self._ask(Stage.STARTTLS, command.STARTTLS)
            return None
        return event.Ready(self.extensions) if self._auth is None else self._authenticate(self._auth)

    def _authenticate(self, line: bytes) -> Event | None:
        if not self._encrypted and not self._allow_plaintext_auth:
            return self._lacking(Stage.AUTH, "the password would cross the network without TLS")
        if auth.choose_mechanism(self.extensions.auth) is None:
            offered = ", ".join(sorted(self.extensions.auth)) or "no AUTH at all"
            return self._lacking(
                Stage.AUTH, f"the server offers {offered}, we speak {', '.join(auth.MECHANISMS)}"
            )
        self._ask(Stage.AUTH, line)
        return None

    def _want_tls(self, asked: Stage, _reply: Reply) -> Event:
        # Bytes in the clear behind this answer would be read as said inside TLS (STARTTLS injection).
        if self._parser.unread:
            return self._desync(asked, "bytes in the clear behind the answer to STARTTLS")
        self._resting = Stage.TLS
        return event.TlsWanted()

    def _ready(self, _asked: Stage, _reply: Reply) -> Event:
        return event.Ready(self.extensions)

    # The transaction.

    def _next(self) -> None:
        """Say the next command of a transaction that goes step by step."""
        if self.extensions.pipelining:
            return
        if self._unsaid and self._sender_accepted:
            self._ask(Stage.RCPT_TO, self._unsaid.popleft())
        elif self._accepted:
            self._ask(Stage.DATA, command.DATA)
        else:
            self._ask(Stage.RSET, command.RSET)

    def _sender_is_accepted(self, _asked: Stage, _reply: Reply) -> None:
        self._sender_accepted = True
        self._next()

    def _sender_is_refused(self, _asked: Stage, reply: Reply) -> Event:
        self._next()
        return event.SenderRefused(reply)

    def _recipient_is_accepted(self, _asked: Stage, _reply: Reply) -> None:
        self._answered += 1
        self._accepted += self._sender_accepted
        self._next()

    def _recipient_is_refused(self, _asked: Stage, reply: Reply) -> Event | None:
        n = self._answered
        self._answered += 1
        self._next()
        # After a refused MAIL FROM this is only "bad sequence of commands".
        return event.RecipientRefused(n, reply) if self._sender_accepted else None

    def _go_ahead(self, asked: Stage, reply: Reply) -> Event:
        # RFC 2920 §3.1 would send a lone dot here; that could deliver an empty mail to somebody.
        if not self._accepted:
            return self._desync(
                asked, "the server wants the message although it accepted no recipient", reply
            )
        self._resting = Stage.BODY
        return event.BodyWanted()

    def _data_is_refused(self, _asked: Stage, reply: Reply) -> Event | None:
        self._ask(Stage.RSET, command.RSET)
        return event.DataRefused(reply) if self._accepted else None

    def _is_answered(self, _asked: Stage, reply: Reply) -> Event:
        return event.Answered(reply)

    def _goodbye(self, asked: Stage, reply: Reply) -> Event:
        self.closed = True
        return event.Closing(asked, reply)

    TABLE: ClassVar[dict[Stage, dict[int, _Act]]] = {
        Stage.GREETING: {2: _say_ehlo, 4: _refused, 5: _refused},
        Stage.EHLO: {2: _learn, 4: _refused, 5: _say_helo},
        Stage.HELO: {2: _learn, 4: _refused, 5: _refused},
        Stage.STARTTLS: {2: _want_tls, 4: _refused, 5: _refused},
        Stage.AUTH: {2: _ready, 4: _refused, 5: _refused},
        Stage.MAIL_FROM: {2: _sender_is_accepted, 4: _sender_is_refused, 5: _sender_is_refused},
        Stage.RCPT_TO: {2: _recipient_is_accepted, 4: _recipient_is_refused, 5: _recipient_is_refused},
        Stage.DATA: {3: _go_ahead, 4: _data_is_refused, 5: _data_is_refused},
        Stage.END_OF_DATA: {2: _is_answered, 4: _is_answered, 5: _is_answered},
        Stage.RSET: {2: _ready},
        Stage.QUIT: {2: _goodbye, 4: _goodbye, 5: _goodbye},
    }
    """What each kind of answer to each question does; a pair that is missing here is a fault of the relay."""
