"""A conversation pairs each answer with its question, however the network cuts it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.smtp import event
from outbox.smtp.auth import Credentials
from outbox.smtp.command import UnsendableError
from outbox.smtp.reply import Reply
from outbox.smtp.stage import Stage
from outbox.smtp.transitions import TABLE, Act
from tests.support.feeding import ways_to_cut
from tests.unit.smtp.talks import PIPELINED, PLAIN, begun, dotted, fresh, hear, mail, ready, wanting_a_body


def test_a_pipelined_envelope_leaves_in_one_write() -> None:
    talk = ready()
    talk.begin(mail("b@example.com", "c@example.com"))
    assert talk.take() == (
        b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nRCPT TO:<c@example.com>\r\nDATA\r\n"
    )
    assert talk.take() == b""
    assert talk.stage is Stage.MAIL_FROM


def test_without_pipelining_each_command_waits_for_its_answer() -> None:
    talk = ready(PLAIN)
    talk.begin(mail("b@example.com", "c@example.com"))
    said = []
    for answer in (b"250 ok\r\n", b"250 ok\r\n", b"550 no\r\n", b"354 go\r\n"):
        said.append(talk.take())
        told = talk.receive(answer)
    assert [line.split(b":")[0].strip() for line in said] == [b"MAIL FROM", b"RCPT TO", b"RCPT TO", b"DATA"]
    assert [event.BodyWanted()] == told


def test_answers_are_paired_by_count_however_they_are_cut() -> None:
    answers = b"250 ok\r\n550-no\r\n550 such user\r\n250 ok\r\n354 go\r\n"
    for pieces in ways_to_cut(answers):
        talk = begun()
        refused = event.RecipientRefused(0, Reply(550, (b"no", b"such user")), 0)
        assert [refused, event.BodyWanted()] == hear(talk, pieces)
        assert talk.may_dot


def test_the_answer_to_the_dot_is_told_however_it_is_cut() -> None:
    for pieces in ways_to_cut(b"250-a\r\n250 b\r\n"):
        talk = dotted()
        assert [event.Answered(Reply(250, (b"a", b"b")), (0, 1), last=True)] == hear(talk, pieces)
        assert talk.ready


@pytest.mark.parametrize("trailing", [b"2", b"250 ok\r\n", b"nonsense\r\n"])
def test_bytes_behind_the_answer_to_the_dot_spoil_the_connection_not_the_answer(trailing: bytes) -> None:
    talk = dotted()
    answered, desync = talk.receive(b"250 ok\r\n" + trailing)
    assert event.Answered(Reply(250, (b"ok",)), (0, 1), last=True) == answered
    assert isinstance(desync, event.Desync)
    assert not talk.ready


@pytest.mark.parametrize("early", [b"25", b"250 ok\r\n", b"nonsense\r\n", b"354 go\r\n"])
def test_an_answer_to_what_was_not_asked_yet_is_a_fault_at_every_step(early: bytes) -> None:
    for at in range(5):
        talk = fresh()
        steps = [b"220 hi\r\n", PLAIN, b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"]
        for n, step in enumerate(steps):
            if n == 2:
                talk.begin(mail("b@example.com"))
            told = talk.receive(step + (early if n == at else b""))
            if n == at:
                break
        assert isinstance(told[-1], event.Desync), at
        assert talk.closed
        assert talk.receive(b"250 ok\r\n") == []


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"552 too big\r\n", event.Interrupted),
        (b"450 later\r\n", event.Interrupted),
        (b"421 closing\r\n", event.Closing),
        (b"250 ok\r\n", event.Desync),
        (b"354 go\r\n", event.Desync),
        (b"nonsense\r\n", event.Desync),
    ],
)
def test_whatever_comes_in_the_middle_of_the_body_keeps_the_dot_back(said: bytes, expected: type) -> None:
    for pieces in ways_to_cut(said):
        talk = wanting_a_body()
        for piece in pieces[:-1]:
            assert talk.receive(piece) == [] or talk.closed
            assert not talk.may_dot
        told = talk.receive(pieces[-1])
        assert talk.closed
        assert not told or expected is type(told[-1])
        with pytest.raises(RuntimeError):
            talk.dot()


@pytest.mark.parametrize("recipients", [1, 3])
@pytest.mark.parametrize("offer", [PIPELINED, PLAIN])
def test_all_refused_recipients_end_in_a_reset(recipients: int, offer: bytes) -> None:
    talk = ready(offer)
    talk.begin(mail(*(f"r{n}@example.com" for n in range(recipients))))
    told = talk.receive(b"250 ok\r\n")
    for _ in range(recipients):
        told += talk.receive(b"550 no\r\n")
    if offer is PIPELINED:
        told += talk.receive(b"503 no recipients\r\n")
    assert [event.RecipientRefused(n, Reply(550, (b"no",)), 0) for n in range(recipients)] == told
    assert talk.take().endswith(b"RSET\r\n")
    assert talk.stage is Stage.RSET
    assert [event.Ready()] == talk.receive(b"250 ok\r\n")
    assert talk.ready


def test_a_refused_sender_decides_alone() -> None:
    talk = begun()
    told = talk.receive(b"550 no\r\n503 bad\r\n503 bad\r\n503 bad\r\n")
    assert [event.SenderRefused(Reply(550, (b"no",)))] == told
    assert talk.take() == b"RSET\r\n"


@pytest.mark.parametrize("answers", [b"550 no\r\n250 ok\r\n250 ok\r\n", b"250 ok\r\n550 no\r\n550 no\r\n"])
def test_a_354_to_nobody_is_a_fault(answers: bytes) -> None:
    talk = begun()
    told = talk.receive(answers + b"354 go\r\n")
    assert isinstance(told[-1], event.Desync)
    assert talk.take() == b""


@pytest.mark.parametrize("stage", [stage for stage in TABLE if stage is not Stage.QUIT])
@pytest.mark.parametrize("digit", range(10))
def test_an_answer_that_is_not_in_the_table_is_a_fault(stage: Stage, digit: int) -> None:
    talk = begun()
    talk._pairing.asked.clear()
    talk._pairing.ask(stage, b"")
    told = talk.receive(b"%d99 hm\r\n" % digit)
    known = digit in TABLE[stage]
    assert known != any(isinstance(one, event.Desync) for one in told) or stage is Stage.DATA


def test_starttls_is_demanded_and_ehlo_is_said_again() -> None:
    talk = fresh(starttls=True, credentials=Credentials("me", "sesame"))
    talk.receive(b"220 hi\r\n")
    talk.receive(b"250-hi\r\n250-STARTTLS\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n")
    assert talk.take().endswith(b"STARTTLS\r\n")
    assert [event.TlsWanted()] == talk.receive(b"220 go\r\n")
    assert talk.stage is Stage.TLS
    talk.tls_established()
    assert not talk.extensions.pipelining
    assert talk.take() == b"EHLO me.example\r\n"
    talk.receive(b"250-hi\r\n250 AUTH PLAIN\r\n")
    assert talk.take().startswith(b"AUTH PLAIN ")
    assert [event.Ready()] == talk.receive(b"235 ok\r\n")


@pytest.mark.parametrize("injected", [b"2", b"250 ok\r\n", b"\x16\x03\x03\x00"])
def test_bytes_in_the_clear_behind_starttls_are_a_fault(injected: bytes) -> None:
    talk = fresh(starttls=True)
    talk.receive(b"220 hi\r\n")
    talk.receive(b"250-hi\r\n250 STARTTLS\r\n")
    told = talk.receive(b"220 go\r\n" + injected)
    assert isinstance(told[-1], event.Desync)
    assert talk.closed


def test_a_password_waits_for_tls_or_for_leave() -> None:
    for allowed in (False, True):
        talk = fresh(credentials=Credentials("me", "sesame"), allow_plaintext_auth=allowed)
        talk.receive(b"220 hi\r\n")
        talk.receive(b"250-hi\r\n250 AUTH PLAIN\r\n")
        assert allowed == (b"AUTH" in talk.take())
        assert allowed != talk.closed


def test_an_address_that_cannot_be_said_says_nothing() -> None:
    talk = ready()
    for sender, recipient in [("a b", "b@example.com"), ("a@example.com", "b\r\n")]:
        with pytest.raises(UnsendableError):
            talk.begin(mail(recipient, sender=sender))
        assert talk.take() == b""
        assert talk.ready


def test_a_farewell_while_idle_closes() -> None:
    talk = ready()
    assert [event.Closing(Stage.IDLE, Reply(421, (b"bye",)))] == talk.receive(b"421 bye\r\n")
    assert not talk.ready


def test_quit_is_answered_by_a_close() -> None:
    talk = ready()
    talk.quit()
    assert talk.take() == b"QUIT\r\n"
    assert [event.Closing(Stage.QUIT, Reply(221, (b"bye",)))] == talk.receive(b"221 bye\r\n")


def test_lmtp_answers_the_dot_once_for_each_accepted_recipient() -> None:
    answers = b"250 one\r\n451-later\r\n451 two\r\n"
    for pieces in ways_to_cut(answers):
        talk = ready(lmtp=True)
        talk.begin(mail("a@example.com", "b@example.com", "c@example.com"))
        talk.receive(b"250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n")
        talk.dot()
        assert [
            event.Answered(Reply(250, (b"one",)), (0,), last=False),
            event.Answered(Reply(451, (b"later", b"two")), (2,), last=True),
        ] == hear(talk, pieces)
        assert talk.ready


def test_lmtp_has_nothing_older_to_fall_back_to() -> None:
    talk = fresh(lmtp=True)
    talk.receive(b"220 hi\r\n")
    told = talk.receive(b"500 what?\r\n")
    assert [event.HandshakeRefused(Stage.EHLO, "refused", Reply(500, (b"what?",)))] == told


@pytest.mark.parametrize("answer", [b"250 hi\r\n", b"250-hi\r\n250 STARTTLS\r\n"])
def test_optional_tls_goes_on_in_the_clear_but_says_no_password(answer: bytes) -> None:
    for credentials in (None, Credentials("me", "sesame")):
        talk = fresh(starttls=True, optional=True, verified=False, credentials=credentials)
        talk.receive(b"220 hi\r\n")
        told = talk.receive(answer)
        if b"STARTTLS" in answer:
            assert talk.take().endswith(b"STARTTLS\r\n")
            told = talk.receive(b"454 not now\r\n")
        assert b"AUTH" not in talk.take()
        assert [event.Ready] == [type(one) for one in told] or credentials
        assert talk.closed == bool(credentials)


def test_unverified_tls_says_no_password_either() -> None:
    talk = fresh(starttls=True, optional=True, verified=False, credentials=Credentials("me", "sesame"))
    talk.receive(b"220 hi\r\n")
    talk.receive(b"250-hi\r\n250 STARTTLS\r\n")
    talk.receive(b"220 go\r\n")
    talk.tls_established()
    told = talk.receive(b"250-hi\r\n250 AUTH PLAIN\r\n")
    assert b"AUTH" not in talk.take()
    assert isinstance(told[-1], event.HandshakeRefused)


def test_every_act_of_the_table_has_one_who_does_it() -> None:
    used = {transition.act for answers in TABLE.values() for transition in answers.values()}
    assert set(Act) == used == set(ready()._acts)


OFFERS = {
    Stage.EHLO: b"250-hi\r\n250-STARTTLS\r\n250 AUTH LOGIN\r\n",
    Stage.AUTH: b"334 VXNlciBOYW1lAA==\r\n",
}


@given(choices=st.lists(st.integers(0, 9), max_size=40), optional=st.booleans(), lmtp=st.booleans())
def test_every_step_leads_where_the_table_says(choices: list[int], *, optional: bool, lmtp: bool) -> None:
    login = Credentials("me", "sesame", mechanism="login")
    terms = {"starttls": True, "optional": optional, "allow_plaintext_auth": True, "credentials": login}
    talk = fresh(lmtp=lmtp, **terms)
    for choice in choices:
        talk.take()
        stage = talk.stage
        if stage is Stage.IDLE:
            talk.begin(mail("b@example.com", "c@example.com"))
        elif stage is Stage.BODY:
            talk.dot()
        elif stage is Stage.TLS:
            talk.tls_established()
        else:
            kind = sorted(TABLE[stage])[choice % len(TABLE[stage])]
            offer = OFFERS.get(stage, b"")
            talk.receive(offer if offer.startswith(b"%d" % kind) else b"%d50 hm\r\n" % kind)
            assert talk.closed or talk.stage in TABLE[stage][kind].then
            if talk.closed:
                return
