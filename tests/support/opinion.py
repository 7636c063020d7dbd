"""A second opinion on what became of every recipient of a session.

It knows nothing of the conversation but the bytes that it wrote: it pairs the replies with them by counting,
and reads from that who was refused, who was accepted, and what the dot was answered.
"""

from collections import deque
from dataclasses import dataclass, field

from outbox.smtp.reply import ProtocolError, Reply, ReplyParser

Verdicts = dict[tuple[int, int], Reply]
"""The reply that settled a recipient, by the numbers of mail and recipient."""


@dataclass(frozen=True, slots=True)
class Question:
    """One command that awaits its answer: its verb, and the mail and recipient that it speaks of."""

    verb: str
    mail: int = -1
    recipient: int = -1


@dataclass
class Opinion:
    """What the written and heard bytes mean, read by counting alone."""

    sizes: list[int]
    """Recipients of each mail."""
    questions: deque[Question] = field(default_factory=lambda: deque([Question("GREETING")]))
    verdicts: Verdicts = field(default_factory=dict)
    accepted: dict[int, list[int]] = field(default_factory=dict)
    wanted: set[int] = field(default_factory=set)
    """Mails whose DATA was answered with 354 or another 3yz."""
    dotted: set[int] = field(default_factory=set)
    ended: bool = False
    _parser: ReplyParser = field(default_factory=ReplyParser)
    _mail: int = -1
    _recipient: int = -1

    def wrote(self, data: bytes) -> None:
        """Note commands."""
        assert data == b"" or data.endswith(b"\r\n")
        for line in data.split(b"\r\n")[:-1]:
            verb = line.split(b":")[0].split(b" ")[0].decode("ascii")
            if verb == "MAIL":
                # Only behind the dot of a mail may the next one begin.
                assert self._mail < 0 or self._mail in self.dotted or self._mail not in self.wanted
                self._mail, self._recipient = self._mail + 1, -1
            self._recipient += verb == "RCPT"
            self.questions.append(Question(verb, self._mail, self._recipient))

    def dot(self, mail: int, *, lmtp: bool) -> None:
        """Note the dot of `mail`: it must be wanted, and by somebody."""
        assert mail in self.wanted
        assert mail not in self.dotted
        assert not self._parser.unread, "the relay has begun to say something"
        accepted = self.accepted[mail]
        assert accepted
        self.dotted.add(mail)
        answers = accepted if lmtp else accepted[:1]
        self.questions.extend(Question("DOT", mail, n if lmtp else -1) for n in answers)

    def heard(self, data: bytes) -> None:
        """Pair the replies in `data` with what was asked before it came."""
        owed = len(self.questions)
        may_interrupt = self.wanted > self.dotted
        try:
            replies = self._parser.feed(data)
        except ProtocolError:
            self.ended = True
            return
        for n, reply in enumerate(replies):
            self.ended = self.ended or n >= owed or not self._answer(self.questions.popleft(), reply)
            if self.ended:
                return
        # The beginning of a reply to no question can only be a refusal in the middle of the body.
        self.ended = self._parser.unread and len(replies) >= owed and not may_interrupt

    def _answer(self, asked: Question, reply: Reply) -> bool:
        """Return whether the session goes on."""
        mail, accepted = asked.mail, self.accepted.setdefault(asked.mail, [])
        refused = reply.kind in (4, 5)
        closing = reply.code == 421
        match asked.verb:
            case "DOT" if reply.kind in (2, 4, 5):
                self._settle(mail, accepted if asked.recipient < 0 else [asked.recipient], reply)
                return not closing
            case "MAIL" | "RCPT" | "DATA" | "RSET" | "DOT" if closing:
                return False
            case "MAIL" if refused:
                self._settle(mail, list(range(self.sizes[mail])), reply)
            case "RCPT" if refused or (mail, asked.recipient) in self.verdicts:
                if (mail, asked.recipient) not in self.verdicts:
                    self._settle(mail, [asked.recipient], reply)
            case "RCPT":
                accepted.append(asked.recipient)
            case "DATA" if reply.kind == 3:
                self.wanted.add(mail)
                return bool(accepted)
            case "DATA" if refused:
                self._settle(mail, accepted, reply)
        fine = {"MAIL": (2, 4, 5), "RCPT": (2, 4, 5), "DATA": (4, 5), "RSET": (2,), "DOT": ()}
        return reply.kind in fine.get(asked.verb, (2, 3, 4, 5))

    def _settle(self, mail: int, recipients: list[int], reply: Reply) -> None:
        for n in recipients:
            self.verdicts[mail, n] = reply
