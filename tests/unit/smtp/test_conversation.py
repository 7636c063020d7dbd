"""A conversation pairs each answer with its question, however the network cuts it."""

import pytest

from outbox.smtp import event
from outbox.smtp.auth import Credentials
from outbox.smtp.command import UnsendableError
from outbox.smtp.conversation import Conversation
from outbox.smtp.reply import Reply
from outbox.smtp.stage import Stage
from tests.support.feeding import ways_to_cut

PIPELINED = b"250-hi\r\n250 PIPELINING\r\n"
PLAIN = b"250 hi\r\n"


def ready(offer: bytes = PIPELINED) -> Conversation:
    """Return a conversation that is past its handshake."""
    talk = Conversation(hello="me.example")
    assert talk.receive(b"220 hi\r\n") == []
    assert talk.take() == b"EHLO me.example\r\n"
    (told,) = talk.receive(offer)
    assert event.Ready(talk.extensions) == told
    assert talk.ready
    return talk


def begun(recipients: int = 2) -> Conversation:
    """Return a conversation that has said a pipelined envelope."""
    talk = ready()
    talk.begin("a@example.com", [f"r{n}@example.com" for n in range(recipients)])
    talk.take()
    return talk


def wanting_a_body() -> Conversation:
    """Return a conversation that was told 354."""
    talk = begun()
    assert [event.BodyWanted()] == talk.receive(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
    return talk


def dotted() -> Conversation:
    """Return a conversation that has said the dot."""
    talk = wanting_a_body()
    assert talk.dot() == b".\r\n"
    return talk


def hear(talk: Conversation, pieces: list[bytes]) -> list[event.Event]:
    """Return all that the conversation tells of `pieces`."""
    return [told for piece in pieces for told in talk.receive(piece)]


def test_a_pipelined_envelope_leaves_in_one_write() -> None:
    talk = ready()
    talk.begin("a@example.com", ["b@example.com", "c@example.com"])
    assert talk.take() == (
        b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nRCPT TO:<c@example.com>\r\nDATA\r\n"
    )
    assert talk.take() == b""
    assert talk.stage is Stage.MAIL_FROM


def test_without_pipelining_each_command_waits_for_its_answer() -> None:
    talk = ready(PLAIN)
    talk.begin("a@example.com", ["b@example.com", "c@example.com"])
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
        refused = event.RecipientRefused(0, Reply(550, (b"no", b"such user")))
        assert [refused, event.BodyWanted()] == hear(talk, pieces)
        assert talk.may_dot


def test_the_answer_to_the_dot_is_told_however_it_is_cut() -> None:
    for pieces in ways_to_cut(b"250-a\r\n250 b\r\n"):
        talk = dotted()
        assert [event.Answered(Reply(250, (b"a", b"b")))] == hear(talk, pieces)
        assert talk.ready


@pytest.mark.parametrize("trailing", [b"2", b"250 ok\r\n", b"nonsense\r\n"])
def test_bytes_behind_the_answer_to_the_dot_spoil_the_connection_not_the_answer(trailing: bytes) -> None:
    talk = dotted()
    answered, desync = talk.receive(b"250 ok\r\n" + trailing)
    assert event.Answered(Reply(250, (b"ok",))) == answered
    assert isinstance(desync, event.Desync)
    assert not talk.ready


@pytest.mark.parametrize("early", [b"25", b"250 ok\r\n", b"nonsense\r\n", b"354 go\r\n"])
def test_an_answer_to_what_was_not_asked_yet_is_a_fault_at_every_step(early: bytes) -> None:
    for at in range(5):
        talk = Conversation(hello="me.example")
        steps = [b"220 hi\r\n", PLAIN, b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"]
        for n, step in enumerate(steps):
            if n == 2:
                talk.begin("a@example.com", ["b@example.com"])
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
    talk.begin("a@example.com", [f"r{n}@example.com" for n in range(recipients)])
    told = talk.receive(b"250 ok\r\n")
    for _ in range(recipients):
        told += talk.receive(b"550 no\r\n")
    if offer is PIPELINED:
        told += talk.receive(b"503 no recipients\r\n")
    assert [event.RecipientRefused(n, Reply(550, (b"no",))) for n in range(recipients)] == told
    assert talk.take().endswith(b"RSET\r\n")
    assert talk.stage is Stage.RSET
    assert [event.Ready(talk.extensions)] == talk.receive(b"250 ok\r\n")
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


@pytest.mark.parametrize("stage", [stage for stage in Conversation.TABLE if stage is not Stage.QUIT])
@pytest.mark.parametrize("digit", range(10))
def test_an_answer_that_is_not_in_the_table_is_a_fault(stage: Stage, digit: int) -> None:
    talk = begun()
    talk._asked.clear()
    talk._ask(stage, b"")
    told = talk.receive(b"%d99 hm\r\n" % digit)
    known = digit in Conversation.TABLE[stage]
    assert known != any(isinstance(one, event.Desync) for one in told) or stage is Stage.DATA


def test_starttls_is_demanded_and_ehlo_is_said_again() -> None:
    talk = Conversation(hello="me.example", starttls=True, credentials=Credentials("me", "sesame"))
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
    assert [event.Ready(talk.extensions)] == talk.receive(b"235 ok\r\n")


@pytest.mark.parametrize("injected", [b"2", b"250 ok\r\n", b"\x16\x03\x03\x00"])
def test_bytes_in_the_clear_behind_starttls_are_a_fault(injected: bytes) -> None:
    talk = Conversation(hello="me.example", starttls=True)
    talk.receive(b"220 hi\r\n")
    talk.receive(b"250-hi\r\n250 STARTTLS\r\n")
    told = talk.receive(b"220 go\r\n" + injected)
    assert isinstance(told[-1], event.Desync)
    assert talk.closed


def test_a_password_waits_for_tls_or_for_leave() -> None:
    for allowed in (False, True):
        talk = Conversation(
            hello="me.example", credentials=Credentials("me", "sesame"), allow_plaintext_auth=allowed
        )
        talk.receive(b"220 hi\r\n")
        talk.receive(b"250-hi\r\n250 AUTH PLAIN\r\n")
        assert allowed == (b"AUTH" in talk.take())
        assert allowed != talk.closed


def test_an_address_that_cannot_be_said_says_nothing() -> None:
    talk = ready()
    for sender, recipient in [("a b", "b@example.com"), ("a@example.com", "b\r\n")]:
        with pytest.raises(UnsendableError):
            talk.begin(sender, [recipient])
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
