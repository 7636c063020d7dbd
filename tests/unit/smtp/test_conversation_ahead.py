"""What is said ahead of its answers is paired with them in order, and bounded."""

import pytest

from outbox.smtp import event
from outbox.smtp.conversation import Conversation
from outbox.smtp.mailing import MOST_ASKED
from outbox.smtp.reply import Reply
from outbox.smtp.stage import Stage
from tests.support.feeding import ways_to_cut
from tests.unit.smtp.talks import PLAIN, dotted, hear, mail, ready


def chained(recipients: int = 1) -> Conversation:
    """Return a conversation that has said the dot of one mail and the envelope of the next."""
    talk = dotted()
    assert talk.may_chain
    talk.begin(mail(*(f"n{n}@example.com" for n in range(recipients))))
    assert talk.take().endswith(b"\r\nDATA\r\n")
    assert not talk.may_chain
    return talk


def test_the_next_envelope_rides_behind_the_dot_and_its_answers_come_in_order() -> None:
    answers = b"250 taken\r\n250 ok\r\n250 ok\r\n354 go\r\n"
    for pieces in ways_to_cut(answers):
        talk = chained()
        answered = event.Answered(Reply(250, (b"taken",)), (0, 1), last=True)
        assert [answered, event.BodyWanted()] == hear(talk, pieces)
        assert talk.may_dot


def test_a_refused_mail_does_not_touch_the_one_behind_it() -> None:
    talk = chained(2)
    told = talk.receive(b"554 no\r\n250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n")
    assert [
        event.Answered(Reply(554, (b"no",)), (0, 1), last=True),
        event.RecipientRefused(0, Reply(550, (b"no",)), 0),
        event.BodyWanted(),
    ] == told
    talk.dot()
    assert [event.Answered(Reply(250, (b"ok",)), (1,), last=True)] == talk.receive(b"250 ok\r\n")


def test_a_refused_envelope_behind_the_dot_is_reset() -> None:
    talk = chained()
    talk.receive(b"250 ok\r\n550 no\r\n503 bad\r\n503 bad\r\n")
    assert talk.take() == b"RSET\r\n"
    assert [event.Ready()] == talk.receive(b"250 ok\r\n")
    assert talk.ready


def test_no_mail_rides_where_commands_may_not_be_said_ahead() -> None:
    for talk, ahead in ((ready(PLAIN), True), (ready(), False)):
        talk.pipeline(ahead=ahead, apart=False)
        talk.begin(mail("b@example.com"))
        for answer in (b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
            talk.receive(answer)
        talk.dot()
        assert not talk.may_chain


def test_data_that_is_kept_apart_waits_for_the_recipients() -> None:
    talk = ready()
    talk.pipeline(ahead=True, apart=True)
    talk.begin(mail("b@example.com"))
    assert talk.take().count(b"\r\n") == 2
    assert talk.receive(b"250 ok\r\n") == []
    assert talk.take() == b""
    assert talk.receive(b"250 ok\r\n") == []
    assert talk.take() == b"DATA\r\n"


def test_data_that_is_kept_apart_is_not_said_to_nobody() -> None:
    talk = ready()
    talk.pipeline(ahead=True, apart=True)
    talk.begin(mail("b@example.com"))
    talk.take()
    talk.receive(b"250 ok\r\n550 no\r\n")
    assert talk.take() == b"RSET\r\n"


def test_open_questions_are_bounded_and_the_rest_follows_the_answers() -> None:
    talk = ready()
    talk.begin(mail(*(f"r{n}@example.com" for n in range(1000))))
    said = talk.take().count(b"\r\n")
    assert said == MOST_ASKED == talk.owed
    while talk.stage is not Stage.DATA:
        assert talk.receive(b"250 ok\r\n") == []
        said += talk.take().count(b"\r\n")
        assert talk.owed <= MOST_ASKED
    assert said == 1002
    assert [event.BodyWanted()] == talk.receive(b"354 go\r\n")


@pytest.mark.parametrize("refused_at", [0, 200])
def test_what_was_not_said_of_a_refused_sender_never_is(refused_at: int) -> None:
    talk = ready()
    talk.begin(mail(*(f"r{n}@example.com" for n in range(1000))))
    talk.take()
    for _ in range(refused_at):
        talk.receive(b"250 ok\r\n" if refused_at else b"")
    told = talk.receive(b"550 no\r\n")
    assert len(told) == 1
    while talk.stage in (Stage.RCPT_TO, Stage.DATA):
        told += talk.receive(b"550 no\r\n")
    assert talk.stage is Stage.RSET
    assert [event.Ready()] == talk.receive(b"250 ok\r\n")
