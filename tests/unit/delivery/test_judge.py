"""Every reply and every loss, at every stage, gets exactly one verdict."""

import asyncio

import pytest

from outbox.delivery.judge import (
    excuse,
    judge_break,
    judge_desync,
    judge_event,
    judge_interruption,
    judge_loss,
    judge_recipient,
    judge_reply,
    queue_id,
)
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
from outbox.smtp.reply import Reply
from outbox.smtp.stage import Stage

ABOUT_THE_MAIL = [Stage.MAIL_FROM, Stage.RCPT_TO, Stage.DATA, Stage.BODY, Stage.END_OF_DATA]
BEFORE_THE_MAIL = [stage for stage in Stage if stage not in ABOUT_THE_MAIL]

SES_ID = "0102018f00000000-00000000-0000-0000-0000-000000000000-000000"


def reply(text: str) -> Reply:
    """Return the reply that is written as `text`."""
    return Reply(int(text[:3]), (text[4:].encode(),))


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize(("text", "kind"), [("451 4.3.0 later", Deferred), ("550 5.3.0 never", Rejected)])
def test_a_refusal_speaks_of_the_mail_only_when_it_answers_the_mail(
    stage: Stage, text: str, kind: type[Deferred | Rejected]
) -> None:
    words = Answer(int(text[:3]), text[4:9], text[10:])
    expected = (kind if stage in ABOUT_THE_MAIL else RelayFault)(stage.value, f"{stage}: {text}", words)
    assert expected == judge_reply(stage, reply(text))


@pytest.mark.parametrize(
    ("stage", "text", "expected"),
    [
        (Stage.MAIL_FROM, "530 5.7.0 Authentication required", RelayFault),
        (Stage.MAIL_FROM, "535 5.7.8 bad", RelayFault),
        (Stage.RCPT_TO, "530 5.7.1 Client was not authenticated", RelayFault),
        (Stage.END_OF_DATA, "530 5.7.0 Must authenticate", RelayFault),
        (Stage.RCPT_TO, "534 5.7.9 stronger mechanism needed", RelayFault),
        (Stage.RCPT_TO, "538 5.7.11 encryption needed", RelayFault),
        (Stage.RCPT_TO, "536 5.7.0 no", Rejected),
        (Stage.RCPT_TO, "420 4.3.2 later", Deferred),
        (Stage.MAIL_FROM, "450 4.7.1 Client host rejected for now", Deferred),
        (Stage.MAIL_FROM, "650 Client host rejected", Deferred),
        (Stage.MAIL_FROM, "554 5.7.1 Client host rejected: Access denied", RelayFault),
        (Stage.MAIL_FROM, "550 5.7.1 blocked using zen.spamhaus.org", RelayFault),
        (Stage.MAIL_FROM, "553 5.7.1 Sender address rejected: not owned by user", Rejected),
        (Stage.MAIL_FROM, "552 5.3.4 Message size exceeds fixed limit", Rejected),
        (Stage.RCPT_TO, "452 4.5.3 Too many recipients", Deferred),
        (Stage.RCPT_TO, "552 too many recipients", Deferred),
        (Stage.RCPT_TO, "550 5.5.3 Too many recipients", Deferred),
        (Stage.RCPT_TO, "552 5.3.4 too big", Rejected),
        (Stage.RCPT_TO, "552 5.2.2 over quota", Deferred),
        (Stage.RCPT_TO, "552 5.7.0 over quota", Deferred),
        (Stage.RCPT_TO, "554 sending limit exceeded", RelayFault),
        (Stage.RCPT_TO, "554 5.7.1 Relay access denied", Rejected),
        (Stage.RCPT_TO, "454 4.7.1 Relay access denied", RelayFault),
        (Stage.RCPT_TO, "452 4.2.2 mailbox is over its message quota limit", Deferred),
        (Stage.RCPT_TO, "450 4.2.1 receiving mail at a sending rate that is too high", Deferred),
        (Stage.DATA, "552 5.2.2 full", Rejected),
        (Stage.END_OF_DATA, "454 Throttling failure: Maximum sending rate exceeded.", RelayFault),
        (Stage.END_OF_DATA, "454 Throttling failure: Daily message quota exceeded", RelayFault),
        (Stage.END_OF_DATA, "550 5.4.5 Daily user sending limit exceeded", RelayFault),
        (Stage.END_OF_DATA, "421 4.3.2 closing", Deferred),
        (Stage.END_OF_DATA, "150 hm", InDoubt),
        (Stage.END_OF_DATA, "354 go", InDoubt),
        (Stage.END_OF_DATA, "600 hm", InDoubt),
        (Stage.END_OF_DATA, "000 hm", InDoubt),
    ],
)
def test_words_and_codes_decide_whom_a_refusal_is_about(stage: Stage, text: str, expected: type) -> None:
    assert expected is type(judge_reply(stage, reply(text)))


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.END_OF_DATA])
@pytest.mark.parametrize("text", ["421 4.3.2 closing", "454 4.7.0 not now"])
def test_a_closing_relay_is_never_held_against_the_mail(stage: Stage, text: str) -> None:
    assert isinstance(judge_reply(stage, reply(text)), RelayFault)


@pytest.mark.parametrize("code", [200, 250, 251, 252, 299])
def test_fault_48_any_2yz_to_the_dot_is_sent(code: int) -> None:
    assert Sent(Answer(code, "2.0.0", "Ok"), None) == judge_reply(
        Stage.END_OF_DATA, reply(f"{code} 2.0.0 Ok")
    )


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("reused", [True, False])
def test_a_lost_connection_says_what_its_stage_says(stage: Stage, *, reused: bool) -> None:
    reason = f"{stage}: cut"
    verdict = judge_loss(stage, "cut", reused=reused)
    if stage is Stage.END_OF_DATA:
        assert InDoubt(stage.value, reason, None) == verdict
    elif stage in (Stage.RCPT_TO, Stage.DATA, Stage.BODY):
        assert Deferred(stage.value, reason, None) == verdict
    elif stage is Stage.MAIL_FROM and reused:
        assert Untouched(reason) == verdict
    else:
        assert RelayFault(stage.value, reason, None) == verdict


@pytest.mark.parametrize("stage", Stage)
def test_a_breach_of_the_protocol_is_in_doubt_only_after_the_dot(stage: Stage) -> None:
    kind = InDoubt if stage is Stage.END_OF_DATA else RelayFault
    assert kind(stage.value, f"{stage}: odd", None) == judge_desync(stage, "odd", None)


@pytest.mark.parametrize(
    ("text", "closed", "expected"),
    [
        ("552 5.3.4 too big", True, Rejected),
        ("552 5.3.4 too big", False, Deferred),
        ("451 4.3.0 later", True, Deferred),
        ("454 4.3.0 slow down", False, RelayFault),
    ],
)
def test_a_refusal_in_the_body_is_final_only_with_a_close(text: str, expected: type, *, closed: bool) -> None:
    assert expected is type(judge_interruption(reply(text), closed=closed))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ok: queued as 4XyZ1bC2dEz", "4XyZ1bC2dEz"),
        ("from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as D1E2", "D1E2"),
        ("OK id=1rAbCd-000000001Xy-2Zz", "1rAbCd-000000001Xy-2Zz"),
        ("4AB1CdEf012345 Message accepted for delivery", "4AB1CdEf012345"),
        ("<a@b> [InternalId=12345, Hostname=x.example] Queued mail for delivery", "12345"),
        (f"Ok {SES_ID}", SES_ID),
        ("OK  1700000000 a1-20020a05000.12 - gsmtp", "a1-20020a05000.12"),
        ("ok 1700000000 qp 12345", "qp 12345"),
        ("Ok", None),
        ("OK id=", None),
        ("Message accepted for delivery", None),
        ("queued as A", "A"),
        ("queued as ...", None),
        ("queued as " + "x" * 128, "x" * 128),
        ("queued as " + "x" * 129, None),
        ("Thank you for your mail, it has been queued", None),
    ],
)
def test_a_queue_id_is_taken_only_from_words_that_are_known(text: str, expected: str | None) -> None:
    assert expected == queue_id(text)


@pytest.mark.parametrize(
    ("stage", "line"),
    [
        (Stage.RCPT_TO, b"550 <throttle@example.com>: User unknown"),
        (Stage.RCPT_TO, b"550 5.7.1 <slow-throttler@x.org>: no such user"),
        (Stage.MAIL_FROM, b"550 <x@spamhaus.test>: sender unknown"),
    ],
)
def test_the_words_in_an_address_that_a_reply_repeats_are_nobody_s_fault(stage: Stage, line: bytes) -> None:
    assert isinstance(judge_reply(stage, Reply(550, (line[4:],))), Rejected)


@pytest.mark.parametrize(
    ("stage", "text", "expected"),
    [
        (Stage.END_OF_DATA, "552 5.3.4 Message size exceeds fixed maximum message limit", Rejected),
        (Stage.MAIL_FROM, "552 5.3.4 message size limit exceeded, slow down", Rejected),
        (Stage.END_OF_DATA, "552 sending limit", Rejected),
        (Stage.END_OF_DATA, "552 5.4.5 sending quota exceeded", RelayFault),
        (Stage.MAIL_FROM, "552 5.4.5 Daily sending quota exceeded", RelayFault),
        (Stage.END_OF_DATA, "554 5.7.1 too many messages of this kind (spam)", Rejected),
        (Stage.END_OF_DATA, "554 5.6.0 rate limit of attachments", Rejected),
        (Stage.END_OF_DATA, "450 4.7.1 too many messages", RelayFault),
        (Stage.END_OF_DATA, "550 5.4.5 too many messages today", RelayFault),
        (Stage.RCPT_TO, "550 5.7.1 too many messages from your address", RelayFault),
    ],
)
def test_a_limit_of_the_message_is_not_our_rate(stage: Stage, text: str, expected: type) -> None:
    assert expected is type(judge_reply(stage, reply(text)))


def test_writing_ahead_excuses_every_verdict_but_a_doubt() -> None:
    doubt = InDoubt(Stage.END_OF_DATA.value, "cut", None)
    fault = RelayFault(Stage.MAIL_FROM.value, "cut", None)
    assert [doubt, fault] == [excuse(doubt, None), excuse(fault, None)]
    assert doubt == excuse(doubt, "it hung")
    assert Untouched("the relay does not bear commands ahead of answers: it hung") == excuse(fault, "it hung")


@pytest.mark.parametrize(
    ("text", "accepted", "expected"),
    [
        ("452 4.5.3 no more in this one", 1, Untouched),
        ("550 5.5.3 no more in this one", 1, Untouched),
        ("452 Too many recipients", 1, Untouched),
        ("452 4.5.3 no more in this one", 0, Deferred),
        ("452 4.2.2 mailbox full", 1, Deferred),
        ("550 5.1.1 nobody of that name", 1, Rejected),
        ("354 Too many recipients", 1, Deferred),
        ("650 Too many recipients", 1, Deferred),
    ],
)
def test_too_many_recipients_are_a_limit_of_the_transaction_once_one_was_accepted(
    text: str, accepted: int, expected: type
) -> None:
    assert expected is type(judge_recipient(reply(text), accepted))


_REFUSED, _CLOSING = reply("550 5.3.0 never"), reply("421 4.3.2 closing")


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (SenderRefused(_REFUSED), judge_reply(Stage.MAIL_FROM, _REFUSED)),
        (DataRefused(_REFUSED), judge_reply(Stage.DATA, _REFUSED)),
        (Closing(Stage.RCPT_TO, _CLOSING), judge_reply(Stage.RCPT_TO, _CLOSING)),
        (Closing(Stage.END_OF_DATA, _CLOSING), judge_reply(Stage.END_OF_DATA, _CLOSING)),
        (Desync(Stage.DATA, "odd", _REFUSED), judge_desync(Stage.DATA, "odd", _REFUSED)),
        (HandshakeRefused(Stage.EHLO, "no", _REFUSED), judge_reply(Stage.EHLO, _REFUSED)),
        (HandshakeRefused(Stage.EHLO, "no TLS", None), judge_desync(Stage.EHLO, "no TLS", None)),
        *((event, None) for event in (TlsWanted(), Ready(), BodyWanted(), Interrupted(_REFUSED))),
        (RecipientRefused(0, _REFUSED, 0), None),
        (Answered(_REFUSED, (0,), last=True), None),
    ],
)
@pytest.mark.parametrize("reused", [True, False])
def test_an_event_decides_on_the_whole_mail_or_on_nothing(
    event: Event, expected: Verdict | None, *, reused: bool
) -> None:
    assert expected == judge_event(event, reused=reused)


def test_a_relay_that_takes_no_more_on_a_used_connection_leaves_the_mail_untouched() -> None:
    closing = Closing(Stage.MAIL_FROM, _CLOSING)
    assert isinstance(judge_event(closing, reused=True), Untouched)
    assert judge_reply(Stage.MAIL_FROM, _CLOSING) == judge_event(closing, reused=False)


def test_who_leaves_a_mail_behind_its_dot_leaves_a_doubt() -> None:
    left, broken = asyncio.CancelledError(), ValueError("odd")
    told = "the daemon was told to leave"
    words = "unexpected ValueError in the daemon: odd"
    assert Untouched(told) == judge_break(left, dotted=False)
    assert InDoubt(Stage.END_OF_DATA.value, told, None) == judge_break(left, dotted=True)
    assert Deferred("", words, None) == judge_break(broken, dotted=False)
    assert InDoubt(Stage.END_OF_DATA.value, words, None) == judge_break(broken, dotted=True)


@pytest.mark.parametrize(
    ("stage", "text", "throttles"),
    [
        (Stage.END_OF_DATA, "454 4.7.0 Throttling failure: Maximum sending rate exceeded.", True),
        (Stage.RCPT_TO, "454 try again", True),
        (Stage.GREETING, "421 4.7.0 Too many connections from your host", True),
        (Stage.MAIL_FROM, "421 4.7.28 our system has detected an unusual rate", True),
        (Stage.MAIL_FROM, "421 4.3.2 shutting down", False),
        (Stage.GREETING, "421 closing", False),
        (Stage.STARTTLS, "454 4.7.0 TLS not available", False),
        (Stage.AUTH, "454 4.7.0 Temporary authentication failure", False),
        (Stage.AUTH, "535 5.7.8 wrong", False),
    ],
)
def test_a_fault_says_whether_we_are_too_fast(stage: Stage, text: str, *, throttles: bool) -> None:
    fault = judge_reply(stage, reply(text))
    assert isinstance(fault, RelayFault)
    assert throttles == fault.throttles
