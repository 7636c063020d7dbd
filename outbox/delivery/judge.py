"""Decide what a reply, or the lack of one, means for the mail.

The policy, before any code. Scope first, digit second:

- What happens before the mail (connect, TLS, greeting, EHLO, AUTH) speaks of us or of the relay, whatever
  its digit: a relay fault, which costs the mail nothing.
- A connection that was used before and is lost, or closed with 421, before the first other reply of this
  mail's transaction was dying already: the mail is untouched and may go at once over a fresh one. A fresh
  connection that does so is a relay fault, or the same would happen at once again for ever.
- Where writing ahead of the answers broke the connection, the mail is untouched, too, and goes again more
  carefully; unless its dot was out.
- MAIL FROM: 4yz defers; 5yz rejects, since it speaks of the sender, unless it speaks of us (530, 535, words
  of policy), which is a relay fault.
- RCPT TO: 4yz defers that recipient, 5yz rejects it. "Too many recipients" (x.5.3) behind recipients that
  were accepted is a limit of the transaction: the rest is untouched and goes in the next one. 552, and that
  limit at the first recipient, defer (RFC 5321 §4.5.3.1.10); "message too big" (5.3.4) stays final.
- DATA and the answer to the dot: 4yz defers, 5yz rejects every recipient that was accepted.
- 421 before the answer to the dot, and 454, demands for authentication and words about our rate wherever
  they come: a relay fault. They speak of us, and an expired password or a spent quota must not fail a queue.
  Words about our rate, 454 to a mail, and 421 with a code of policy (4.7.z) also slow us down.
  What an address, a mailbox, a size or the content is refused for (x.1.z, x.2.z, x.3.4, x.6.z, 552) is not
  our rate, and "too many messages" behind the body is also said of spam: there only x.4.z makes it ours.
- The dot is the one instant that matters. Any 2yz to it is Sent, whatever its last two digits. After it, no
  answer, or one that is none (1yz, 3yz, 6yz and above, garbage), is in doubt: the server may hold the mail
  (RFC 1047). Before it, garbage is a relay fault and a lost connection defers.
- A refusal in the middle of the body is the relay's judgement if the relay also closed, as servers do that
  give up. If it did not close, the reply may be one too many from earlier: never final.
"""

import asyncio
import re
from typing import assert_never

from outbox.mail.verdict import Answer, Deferred, InDoubt, Rejected, RelayFault, Sent, Untouched, Verdict
from outbox.smtp.event import (
    Answered,
    BodyWanted,
    Closing,
    DataRefused,
    Desync,
    Event,
    HandshakeRefused,
    Interrupted,
    Ready,
    RecipientRefused,
    SenderRefused,
    TlsWanted,
)
from outbox.smtp.reply import CLOSING, Reply
from outbox.smtp.stage import Stage

_MUST_AUTHENTICATE = frozenset({530, 534, 535, 538})  # RFC 4954 §6; they speak of nothing but us
_TOO_MANY_RECIPIENTS_OR_FULL = 552
_TEMPORARILY_UNABLE = 454  # TLS or AUTH "not available now"; Amazon SES throttles with it
_OF_A_MAIL = frozenset({Stage.MAIL_FROM, Stage.RCPT_TO, Stage.DATA, Stage.BODY, Stage.END_OF_DATA})
_QUOTA = re.compile(r"[45]\.4\.")
_NOT_A_QUOTA = re.compile(r"5\.(?!4\.)")
_NOT_ABOUT_OUR_RATE = re.compile(r"[45]\.(?:[126]\.\d+|3\.4)")

_ABOUT_OUR_RATE = re.compile(
    r"\bthrottl|\brate.?limit|sending rate|too many (?:connections|errors)"
    r"|(?:message|sending) (?:quota|limit)|outgoing messages was exceeded|slow down",
    re.IGNORECASE,
)
_TOO_MANY_MESSAGES = re.compile(r"too many (?:messages|emails)", re.IGNORECASE)
_ABOUT_US = re.compile(
    r"authentication (?:is )?required|not authenticated|must (?:issue a starttls|authenticate)"
    r"|client (?:host|was|ip)|(?:host|ip|server|connection) (?:is |was )?(?:rejected|blocked|refused)"
    r"|blocked using|block ?list|black ?list|spamhaus|your ip|relay(?:ing)? (?:access )?denied",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"<?[^\s<>@]+@[^\s<>@]+>?")
_QUEUE_ID = re.compile(
    r"queued as ([0-9A-Za-z.-]+)"  # Postfix and many others
    r"|^OK id=([0-9A-Za-z-]+)"  # Exim
    r"|^([0-9A-Za-z]+) Message accepted for delivery"  # Sendmail
    r"|\[InternalId=(\d+)[,\]]"  # Exchange
    r"|^Ok ([0-9a-f]{16}-[0-9a-f-]{36}-\d{6})$"  # Amazon SES
    r"|^OK +\d+ (\S+) - gsmtp$"  # Gmail
    r"|^ok \d+ (qp \d+)",  # qmail
)
_MAX_QUEUE_ID = 128


def judge_reply(stage: Stage, reply: Reply) -> Verdict:
    """Judge the valid answer `reply` to `stage`: of a refusal anywhere, or of any answer to the dot."""
    if _speaks_of_us(stage, reply):
        return RelayFault(stage.value, _reason(stage, reply), answer(reply), _throttles(stage, reply))
    match stage:
        case Stage.MAIL_FROM:
            return _about_us(stage, reply) or _refusal(stage, reply)
        case Stage.RCPT_TO:
            return _deferral(stage, reply) if _is_a_limit(reply) else _refusal(stage, reply)
        case Stage.DATA | Stage.BODY:
            return _refusal(stage, reply)
        case Stage.END_OF_DATA:
            return _answer_to_the_dot(reply)
        case (
            Stage.CONNECT
            | Stage.TLS
            | Stage.GREETING
            | Stage.EHLO
            | Stage.HELO
            | Stage.STARTTLS
            | Stage.AUTH
            | Stage.IDLE
            | Stage.RSET
            | Stage.QUIT
        ):
            return RelayFault(stage.value, _reason(stage, reply), answer(reply))
        case _:
            assert_never(stage)


def judge_recipient(reply: Reply, accepted: int) -> Verdict:
    """Judge the refusal of a recipient behind so many `accepted` ones of the same transaction."""
    if accepted and reply.kind in (4, 5) and _is_too_many(reply):
        return Untouched(_reason(Stage.RCPT_TO, reply))
    return judge_reply(Stage.RCPT_TO, reply)


def judge_event(event: Event, *, reused: bool) -> Verdict | None:  # noqa: PLR0911 one for each event
    """Judge what a conversation tells, where it alone decides on all that have no verdict yet.

    `reused`: the connection carried a mail before.
    """
    match event:
        case Closing(Stage.MAIL_FROM, _) if reused:
            return Untouched("the relay takes no more mails on this connection")
        case SenderRefused(reply):
            return judge_reply(Stage.MAIL_FROM, reply)
        case DataRefused(reply):
            return judge_reply(Stage.DATA, reply)
        case Closing(stage, reply):
            return judge_reply(stage, reply)
        case Desync(stage, reason, reply, _):
            return judge_desync(stage, reason, reply)
        case HandshakeRefused(stage, reason, reply):
            return judge_desync(stage, reason, None) if reply is None else judge_reply(stage, reply)
        case Ready() | TlsWanted() | BodyWanted() | RecipientRefused() | Answered() | Interrupted():
            return None
        case _:
            assert_never(event)


def judge_interruption(reply: Reply, *, closed: bool) -> Verdict:
    """Judge a refusal in the middle of the body; `closed` says that the relay then closed, too."""
    if closed or _speaks_of_us(Stage.BODY, reply):
        return judge_reply(Stage.BODY, reply)
    return _deferral(Stage.BODY, reply)


def judge_loss(stage: Stage, problem: str, *, reused: bool) -> Verdict:
    """Judge a connection that was cut or timed out at `stage`; `reused`: it carried a mail before."""
    reason = f"{stage}: {problem}"
    match stage:
        case Stage.MAIL_FROM:
            return Untouched(reason) if reused else RelayFault(stage.value, reason, None)
        case Stage.RCPT_TO | Stage.DATA | Stage.BODY:
            return Deferred(stage.value, reason, None)
        case Stage.END_OF_DATA:
            return InDoubt(stage.value, reason, None)
        case (
            Stage.CONNECT
            | Stage.TLS
            | Stage.GREETING
            | Stage.EHLO
            | Stage.HELO
            | Stage.STARTTLS
            | Stage.AUTH
            | Stage.IDLE
            | Stage.RSET
            | Stage.QUIT
        ):
            return RelayFault(stage.value, reason, None)
        case _:
            assert_never(stage)


def excuse(verdict: Verdict, to_blame: str | None) -> Verdict:
    """Judge again where writing ahead of the answers is `to_blame` for the connection's end."""
    if to_blame is None or isinstance(verdict, InDoubt):
        return verdict
    return Untouched(f"the relay does not bear commands ahead of answers: {to_blame}")


def judge_break(error: BaseException, *, dotted: bool) -> Verdict:
    """Judge a mail that was left in the middle, by our owner or by a fault of our own code."""
    if isinstance(error, asyncio.CancelledError):
        left = "the daemon was told to leave"
        return InDoubt(Stage.END_OF_DATA.value, left, None) if dotted else Untouched(left)
    reason = f"unexpected {type(error).__name__} in the daemon: {error}"
    return InDoubt(Stage.END_OF_DATA.value, reason, None) if dotted else Deferred("", reason, None)


def judge_desync(stage: Stage, problem: str, reply: Reply | None) -> InDoubt | RelayFault:
    """Judge a breach of the protocol at `stage`."""
    words = None if reply is None else answer(reply)
    kind = InDoubt if stage is Stage.END_OF_DATA else RelayFault
    return kind(stage.value, f"{stage}: {problem}", words)


def answer(reply: Reply) -> Answer:
    """Return the relay's words as they are kept."""
    return Answer(reply.code, reply.enhanced, reply.text)


def queue_id(text: str) -> str | None:
    """Return the queue id that the relay named, where its words have a shape that we know for sure."""
    found = _QUEUE_ID.search(text)
    if found is None or found.lastindex is None:
        return None
    name: str = found[found.lastindex].rstrip(".")
    return name if name and len(name) <= _MAX_QUEUE_ID else None


def _answer_to_the_dot(reply: Reply) -> Verdict:
    match reply.kind:
        case 2:
            words = answer(reply)
            return Sent(words, queue_id(words.text))
        case 4 | 5:
            return _refusal(Stage.END_OF_DATA, reply)
        case _:
            return judge_desync(Stage.END_OF_DATA, f"the answer {reply.code} is none", reply)


def _refusal(stage: Stage, reply: Reply) -> Deferred | Rejected:
    if reply.kind == 5:  # noqa: PLR2004 the first digit of RFC 5321 §4.2.1
        return Rejected(stage.value, _reason(stage, reply), answer(reply))
    return _deferral(stage, reply)


def _deferral(stage: Stage, reply: Reply) -> Deferred:
    return Deferred(stage.value, _reason(stage, reply), answer(reply))


def _about_us(stage: Stage, reply: Reply) -> RelayFault | None:
    if reply.kind == 5 and _ABOUT_US.search(_own_words(reply)):  # noqa: PLR2004 as above
        return RelayFault(stage.value, _reason(stage, reply), answer(reply))
    return None


def _is_too_many(reply: Reply) -> bool:
    return (reply.enhanced or "").endswith(".5.3") or "too many recipients" in _own_words(reply).lower()


def _is_a_limit(reply: Reply) -> bool:
    """Whether a refused recipient only came too late in the transaction."""
    status = reply.enhanced or ""
    if status.endswith(".5.3"):
        return True
    return reply.code == _TOO_MANY_RECIPIENTS_OR_FULL and status != "5.3.4"


def _speaks_of_us(stage: Stage, reply: Reply) -> bool:
    """Whether a refusal is about our connection, rate or standing, at whatever stage it comes."""
    if reply.kind not in (4, 5):
        return False
    if reply.code == CLOSING and stage is not Stage.END_OF_DATA:
        return True
    if reply.code == _TEMPORARILY_UNABLE or reply.code in _MUST_AUTHENTICATE:
        return True
    return _speaks_of_our_rate(stage, reply)


def _throttles(stage: Stage, reply: Reply) -> bool:
    """Whether the relay finds us too fast, so that less passes from now on."""
    if _speaks_of_our_rate(stage, reply):
        return True
    # Without a word of it a 421 is also the goodbye of a relay that restarts, and a 454 about TLS or a login.
    is_policy = reply.code == CLOSING and (reply.enhanced or "").startswith("4.7.")
    return is_policy or (reply.code == _TEMPORARILY_UNABLE and stage in _OF_A_MAIL)


def _speaks_of_our_rate(stage: Stage, reply: Reply) -> bool:
    status = reply.enhanced or ""
    # Not ours is the full quota of a mailbox, or the limit that a message is too large for.
    full = reply.code == _TOO_MANY_RECIPIENTS_OR_FULL and not _QUOTA.match(status)
    if full or _NOT_ABOUT_OUR_RATE.fullmatch(status):
        return False
    words = _own_words(reply)
    if _ABOUT_OUR_RATE.search(words):
        return True
    # Behind the body this is also said of spam; of a quota with a code of its own (x.4.z).
    may_be_spam = stage is Stage.END_OF_DATA and _NOT_A_QUOTA.match(status)
    return _TOO_MANY_MESSAGES.search(words) is not None and not may_be_spam


def _own_words(reply: Reply) -> str:
    """Return the text without the addresses that it repeats: a stranger chose those."""
    return _ADDRESS.sub("", reply.text)


def _reason(stage: Stage, reply: Reply) -> str:
    return " ".join(filter(None, (f"{stage}:", str(reply.code), reply.enhanced, reply.text)))
