"""The one transition table of an SMTP session: what each kind of answer to each question does.

A kind is the first digit of the reply (RFC 5321 §4.2.1). A pair that is missing here is a fault of the relay
that ends the session. The diagram in `docs/smtp.md` is drawn from this table, and the tests walk it.
"""

from dataclasses import dataclass
from enum import StrEnum

from outbox.smtp.stage import Stage


class Act(StrEnum):
    """What an answer makes us do, in the words of the diagram."""

    SAY_HELLO = "say EHLO or LHLO"
    FALL_BACK = "fall back to HELO if EHLO is unknown"
    LEARN = "learn what is offered"
    SECURE = "begin TLS"
    STAY_IN_THE_CLEAR = "stay in the clear if that is allowed"
    RESPOND = "respond to the challenge"
    LOG_IN = "be logged in"
    GIVE_UP = "give up: the relay refuses us"
    TAKE_SENDER = "the sender is accepted"
    LOSE_SENDER = "the sender is refused"
    TAKE_RECIPIENT = "a recipient is accepted"
    LOSE_RECIPIENT = "a recipient is refused"
    WRITE_BODY = "write the body"
    LOSE_BODY = "the body is refused"
    SETTLE = "the mail is answered"
    BE_RESET = "be ready again"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Transition:
    """An act, and the stages that may follow it where nothing is pipelined; none ends the session."""

    act: Act
    then: tuple[Stage, ...] = ()


_GIVE_UP = Transition(Act.GIVE_UP)
_LEARNT = (Stage.STARTTLS, Stage.AUTH, Stage.IDLE)
_LOSE_SENDER = Transition(Act.LOSE_SENDER, (Stage.RSET,))
_ON = (Stage.RCPT_TO, Stage.DATA, Stage.RSET)
_LOSE_RECIPIENT = Transition(Act.LOSE_RECIPIENT, _ON)
_LOSE_BODY = Transition(Act.LOSE_BODY, (Stage.RSET,))
# LMTP answers the dot once for each recipient (RFC 2033 §4.2).
_SETTLE = Transition(Act.SETTLE, (Stage.END_OF_DATA, Stage.IDLE))
_LEAVE = Transition(Act.LEAVE)
_UNSAFE = Transition(Act.STAY_IN_THE_CLEAR, (Stage.AUTH, Stage.IDLE))

TABLE: dict[Stage, dict[int, Transition]] = {
    Stage.GREETING: {2: Transition(Act.SAY_HELLO, (Stage.EHLO,)), 4: _GIVE_UP, 5: _GIVE_UP},
    Stage.EHLO: {2: Transition(Act.LEARN, _LEARNT), 4: _GIVE_UP, 5: Transition(Act.FALL_BACK, (Stage.HELO,))},
    Stage.HELO: {2: Transition(Act.LEARN, _LEARNT), 4: _GIVE_UP, 5: _GIVE_UP},
    Stage.STARTTLS: {2: Transition(Act.SECURE, (Stage.TLS,)), 4: _UNSAFE, 5: _UNSAFE},
    Stage.AUTH: {
        2: Transition(Act.LOG_IN, (Stage.IDLE,)),
        3: Transition(Act.RESPOND, (Stage.AUTH,)),
        4: _GIVE_UP,
        5: _GIVE_UP,
    },
    Stage.MAIL_FROM: {2: Transition(Act.TAKE_SENDER, (Stage.RCPT_TO,)), 4: _LOSE_SENDER, 5: _LOSE_SENDER},
    Stage.RCPT_TO: {2: Transition(Act.TAKE_RECIPIENT, _ON), 4: _LOSE_RECIPIENT, 5: _LOSE_RECIPIENT},
    Stage.DATA: {3: Transition(Act.WRITE_BODY, (Stage.BODY,)), 4: _LOSE_BODY, 5: _LOSE_BODY},
    Stage.END_OF_DATA: {2: _SETTLE, 4: _SETTLE, 5: _SETTLE},
    Stage.RSET: {2: Transition(Act.BE_RESET, (Stage.IDLE,))},
    Stage.QUIT: {2: _LEAVE, 4: _LEAVE, 5: _LEAVE},
}
