"""Drive a conversation as a connection does, whatever the relay says, and doubt all that it tells."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from outbox.smtp import event
from outbox.smtp.command import UnsendableError
from outbox.smtp.conversation import Conversation, Terms
from outbox.smtp.envelope import Envelope
from outbox.smtp.reply import Reply
from outbox.smtp.stage import Stage
from tests.support.opinion import Opinion, Verdicts


@dataclass(frozen=True, slots=True)
class Manner:
    """How the owner of a conversation behaves.

    `chained` lets the next envelope ride behind a dot; `hesitant` hears the relay once more between 354 and
    the dot; `apart` keeps DATA back until the recipients are answered.
    """

    chained: bool = False
    hesitant: bool = False
    apart: bool = False


class Driver:
    """The owner of a conversation: acts on what it tells, and keeps the verdicts as it tells them.

    `sizes` has the number of recipients of each mail to send, after which it says goodbye.
    """

    def __init__(self, terms: Terms, sizes: list[int], manner: Manner) -> None:
        self.talk = Conversation(terms)
        self.opinion = Opinion(sizes)
        self.verdicts: Verdicts = {}
        self._terms = terms
        self._sizes = sizes
        self._manner = manner
        self._begun = 0
        self._open: deque[int] = deque()
        self._hesitates = False
        self._wants_body = False
        self._left = False

    def hear(self, data: bytes) -> None:
        """Feed `data`, act, and compare both opinions."""
        was_closed = self.talk.closed
        told = self.talk.receive(data)
        if was_closed:
            assert told == []
            return
        self.opinion.heard(data)
        for n, each in enumerate(told):
            assert n == len(told) - 1 or not isinstance(each, event.ENDS), "an event after the end"
            self._note(each)
        assert self.opinion.verdicts == self.verdicts
        if self.opinion.ended:
            assert self.talk.closed
        if not self.talk.closed:
            self._act()

    def _note(self, told: event.Event) -> None:
        match told:
            case event.RecipientRefused(n, reply):
                self._settle([n], reply)
            case event.SenderRefused(reply):
                self._settle(range(self._sizes[self._open[0]]), reply)
            case event.DataRefused(reply):
                mail = self._open[0]
                rest = [n for n in range(self._sizes[mail]) if (mail, n) not in self.verdicts]
                assert rest, "a refusal for nobody"
                self._settle(rest, reply)
            case event.Answered(reply, recipients, last):
                self._settle(recipients, reply)
                if last:
                    self._open.popleft()
            case event.BodyWanted():
                assert self._open[0] in self.opinion.wanted
                self._wants_body, self._hesitates = True, self._manner.hesitant
            case event.Ready() if self._open:
                self._open.popleft()

    def _settle(self, recipients: Iterable[int], reply: Reply) -> None:
        for n in recipients:
            assert (self._open[0], n) not in self.verdicts, "a second verdict"
            self.verdicts[self._open[0], n] = reply

    def _act(self) -> None:
        """Write what is due."""
        talk = self.talk
        self._write()
        if talk.stage is Stage.TLS:
            talk.tls_established()
            self._write()
        if self._wants_body and self._hesitates:
            self._hesitates = False
        elif self._wants_body and talk.may_dot:
            self._wants_body = False
            assert talk.dot() == b".\r\n"
            self.opinion.dot(self._open[0], lmtp=self._terms.lmtp)
            if self._manner.chained and talk.may_chain and self._begun < len(self._sizes):
                self._begin()
        elif talk.ready and not self._open and not self._left:
            self._begin()

    def _begin(self) -> None:
        """Begin the next mail, or leave."""
        if self._begun == len(self._sizes):
            self._left = True
            self.talk.quit()
        else:
            recipients = tuple(f"b{n}@example.com" for n in range(self._sizes[self._begun]))
            self.talk.pipeline(ahead=True, apart=self._manner.apart)
            try:
                self.talk.begin(Envelope("a@example.com", recipients, 100))
            except UnsendableError:
                # The relay takes no mail of that size, and all are alike.
                self._begun = len(self._sizes)
                return
            self._open.append(self._begun)
            self._begun += 1
        self._write()

    def _write(self) -> None:
        self.opinion.wrote(self.talk.take())
