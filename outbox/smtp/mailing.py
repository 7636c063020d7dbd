"""The mail transactions of a session: MAIL, RCPT, DATA, the dot, and the next envelope behind it.

RFC 2920 §3.1 lets MAIL FROM stand in one group with the dot before it, so two transactions may be open:
the one whose dot is out, and the one whose envelope rides behind it. Answers come in order, so they always
speak of the older one first.
"""

from collections import deque
from collections.abc import Callable

from outbox.smtp import command, event
from outbox.smtp.event import Event
from outbox.smtp.pairing import Pairing
from outbox.smtp.reply import Reply
from outbox.smtp.stage import Stage
from outbox.smtp.transitions import Act

MOST_ASKED = 128
"""Questions that may be open at once: at most 64 KB of commands, whose answers are read while we write.

Where both sides only wrote, both buffers would fill and neither would ever read (RFC 2920 §3.1).
"""


class _Exchange:
    """What one transaction has been answered so far."""

    __slots__ = ("accepted", "answered", "sender_accepted", "settled", "unsaid")

    def __init__(self, unsaid: deque[tuple[Stage, bytes]]) -> None:
        self.unsaid = unsaid
        self.sender_accepted = False
        self.answered = 0
        self.accepted: list[int] = []
        self.settled = 0


class Mailing:
    """The acts of the transactions.

    `lmtp` awaits an answer to the dot for each accepted recipient. `ahead` tells whether commands may be
    written ahead of their answers; `apart` keeps DATA back until the recipients are answered.
    """

    def __init__(self, pairing: Pairing, *, lmtp: bool) -> None:
        self.ahead = False
        self.apart = False
        self.wants_body = False
        """Whether the relay said 354 and the dot is not said yet."""
        self._pairing = pairing
        self._lmtp = lmtp
        self._open: deque[_Exchange] = deque()

    def acts(self) -> dict[Act, Callable[[Stage, Reply], Event | None]]:
        """Return what each act of the table does."""
        return {
            Act.TAKE_SENDER: self._take_sender,
            Act.LOSE_SENDER: self._lose_sender,
            Act.TAKE_RECIPIENT: self._take_recipient,
            Act.LOSE_RECIPIENT: self._lose_recipient,
            Act.WRITE_BODY: self._write_body,
            Act.LOSE_BODY: self._lose_body,
            Act.SETTLE: self._settle,
            Act.BE_RESET: self._be_reset,
        }

    @property
    def may_chain(self) -> bool:
        """Whether the next envelope may ride behind the dot that was just said."""
        asked = self._pairing.asked
        return self.ahead and len(self._open) == 1 and bool(asked) and asked[-1] is Stage.END_OF_DATA

    def begin(self, mail: bytes, recipients: list[bytes]) -> None:
        """Begin a transaction with these commands."""
        stages = (Stage.MAIL_FROM, *[Stage.RCPT_TO] * len(recipients), Stage.DATA)
        if self.ahead and not self.apart and len(self._pairing.asked) + len(stages) <= MOST_ASKED:
            self._open.append(_Exchange(deque()))
            self._pairing.ask_all(stages, (mail, *recipients, command.DATA))
            return
        self._open.append(_Exchange(deque(zip(stages, (mail, *recipients, command.DATA), strict=True))))
        self._say_more()

    def dot(self) -> bytes:
        """Return the final dot, which from now on counts as said."""
        self.wants_body = False
        awaited = len(self._open[0].accepted) if self._lmtp else 1
        self._pairing.asked.extend([Stage.END_OF_DATA] * awaited)
        return command.DOT

    def _say_more(self) -> None:
        """Say as much of the newest envelope as may be said now."""
        exchange = self._open[-1]
        if not exchange.unsaid:
            return
        asked, unsaid = self._pairing.asked, exchange.unsaid
        while unsaid and len(asked) < MOST_ASKED:
            stage, line = unsaid[0]
            if asked and (not self.ahead or (stage is Stage.DATA and self.apart)):
                return
            if stage is Stage.DATA and exchange.answered and not asked and not exchange.accepted:
                break
            unsaid.popleft()
            self._pairing.ask(stage, line)
        if unsaid and not asked:
            # Nobody is left to send to, and DATA was not said: only RSET ends such a transaction.
            unsaid.clear()
            self._pairing.ask(Stage.RSET, command.RSET)

    def _take_sender(self, _asked: Stage, _reply: Reply) -> None:
        self._open[0].sender_accepted = True
        self._say_more()

    def _lose_sender(self, _asked: Stage, reply: Reply) -> Event:
        exchange = self._open[0]
        if exchange.unsaid:
            exchange.unsaid.clear()
            self._reset_unless_asked()
        return event.SenderRefused(reply)

    def _take_recipient(self, _asked: Stage, _reply: Reply) -> None:
        exchange = self._open[0]
        if exchange.sender_accepted:
            exchange.accepted.append(exchange.answered)
        exchange.answered += 1
        self._next(exchange)

    def _lose_recipient(self, _asked: Stage, reply: Reply) -> Event | None:
        exchange = self._open[0]
        n = exchange.answered
        exchange.answered += 1
        self._next(exchange)
        # After a refused MAIL FROM this is only "bad sequence of commands".
        return event.RecipientRefused(n, reply, len(exchange.accepted)) if exchange.sender_accepted else None

    def _next(self, exchange: _Exchange) -> None:
        if exchange.unsaid:
            self._say_more()
        else:
            self._reset_unless_asked()

    def _reset_unless_asked(self) -> None:
        """End with RSET a transaction that was given up before its DATA was said."""
        if not self._pairing.asked:
            self._pairing.ask(Stage.RSET, command.RSET)

    def _write_body(self, asked: Stage, reply: Reply) -> Event:
        # RFC 2920 §3.1 would send a lone dot here; that could deliver an empty mail to somebody.
        if not self._open[0].accepted:
            reason = "the server wants the message although it accepted no recipient"
            return event.Desync(asked, reason, reply, unwanted_go_ahead=True)
        self.wants_body = True
        return event.BodyWanted()

    def _lose_body(self, _asked: Stage, reply: Reply) -> Event | None:
        self._pairing.ask(Stage.RSET, command.RSET)
        return event.DataRefused(reply) if self._open[0].accepted else None

    def _settle(self, _asked: Stage, reply: Reply) -> Event:
        exchange = self._open[0]
        answered = exchange.accepted[exchange.settled :][:1] if self._lmtp else exchange.accepted
        exchange.settled += len(answered)
        last = exchange.settled == len(exchange.accepted)
        if last:
            self._open.popleft()
            if self._open:
                self._say_more()
        return event.Answered(reply, tuple(answered), last=last)

    def _be_reset(self, _asked: Stage, _reply: Reply) -> Event:
        if self._open:
            self._open.popleft()
        return event.Ready()
