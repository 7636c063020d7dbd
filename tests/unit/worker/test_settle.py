"""What each verdict makes of a delivery."""

import pytest

from outbox.delivery.retry import LIFETIME, RetryPolicy
from outbox.mail.status import Move, OnDoubt, Reason, Settlement
from outbox.mail.verdict import (
    Answer,
    Deferred,
    Evidence,
    InDoubt,
    Rejected,
    RelayFault,
    Sent,
    Untouched,
    Verdict,
)
from outbox.store.moves import Claim
from outbox.worker.settle import expire, release, settle
from tests.unit.worker.held import claim

POLICY = RetryPolicy()
ANN = "ann@example.org"
MAIL = claim().message_id
YES = Answer(250, "2.0.0", "Ok: queued as 4BX")
LATER = Answer(451, "4.7.1", "busy")
NEVER = Answer(550, "5.1.1", "no such user")
EVIDENCE = Evidence(1234, 600.0)
DOUBT = InDoubt("end of data", "cut", None, EVIDENCE)


def settled(held: Claim, verdict: Verdict, on_doubt: OnDoubt = OnDoubt.RESEND) -> Settlement:
    return settle(held, verdict, "mx", on_doubt, POLICY, 0.5)


def test_a_clean_first_success_needs_no_attempt_row() -> None:
    expected = Settlement(
        7, MAIL, 1, Move.DELIVER, "mx", judged=True, answer=YES, queue_id="4BX", noted=False
    )
    assert expected == settled(claim(7), Sent(YES, "4BX"))


@pytest.mark.parametrize("changes", [{"attempts": 1}, {"doubts": 1}])
def test_a_success_that_was_not_the_first_try_is_written_down(changes: dict[str, int]) -> None:
    end = settled(claim(**changes), Sent(YES, None))
    assert (end.move, end.stage, end.noted) == (Move.DELIVER, "end of data", True)


def test_a_deferral_waits_by_the_number_of_judged_attempts() -> None:
    expected = Settlement(
        7,
        MAIL,
        3,
        Move.DEFER,
        "mx",
        delay=600.0,
        judged=True,
        stage="RCPT TO",
        answer=LATER,
        detail="RCPT TO: 451 busy",
        recipient=ANN,
    )
    assert expected == settled(claim(7, fence=3, attempts=1), Deferred("RCPT TO", "RCPT TO: 451 busy", LATER))


def test_a_deferral_after_five_days_gives_up() -> None:
    end = settled(claim(attempts=4, judged_ago=LIFETIME), Deferred("DATA", "busy", LATER))
    assert (end.move, end.reason, end.delay, end.judged) == (Move.GIVE_UP, Reason.TOO_OLD, None, True)
    assert end.answer == LATER


def test_an_old_mail_that_was_hardly_tried_is_owed_more_attempts() -> None:
    end = settled(claim(attempts=3, judged_ago=LIFETIME * 2), Deferred("DATA", "busy", LATER))
    assert end.move is Move.DEFER


def test_a_refusal_is_final() -> None:
    expected = Settlement(
        1, MAIL, 1, Move.REFUSE, "mx", judged=True, stage="RCPT TO", answer=NEVER, detail="550", recipient=ANN
    )
    assert expected == settled(claim(), Rejected("RCPT TO", "550", NEVER))


@pytest.mark.parametrize(
    ("on_doubt", "doubts", "move", "delay", "reason"),
    [
        (OnDoubt.RESEND, 0, Move.DOUBT_RESEND, 600.0, None),
        (OnDoubt.RESEND, 1, Move.DOUBT_RESEND, 600.0, None),
        (OnDoubt.RESEND, 2, Move.DOUBT_HOLD, None, None),
        (OnDoubt.HOLD, 0, Move.DOUBT_HOLD, None, None),
        (OnDoubt.ASSUME_SENT, 0, Move.DOUBT_ASSUME, None, Reason.ASSUMED),
        (OnDoubt.ASSUME_SENT, 9, Move.DOUBT_ASSUME, None, Reason.ASSUMED),
    ],
)
def test_a_doubt_goes_where_its_mail_says_and_to_a_person_at_the_third(
    on_doubt: OnDoubt, doubts: int, move: Move, delay: float | None, reason: Reason | None
) -> None:
    expected = Settlement(
        1,
        MAIL,
        1,
        move,
        "mx",
        delay=delay,
        judged=True,
        doubt=True,
        stage="end of data",
        detail="cut",
        reason=reason,
        evidence=EVIDENCE,
        recipient=ANN,
    )
    assert expected == settled(claim(doubts=doubts), DOUBT, on_doubt)


@pytest.mark.parametrize(
    ("verdict", "stage"),
    [(RelayFault("greeting", "421 busy", LATER), "greeting"), (Untouched("cut"), None)],
)
def test_what_says_nothing_of_the_mail_burns_no_attempt(verdict: Verdict, stage: str | None) -> None:
    end = settled(claim(attempts=4, judged_ago=LIFETIME * 2), verdict)
    assert release(claim(), "mx", stage, verdict.reason) == end  # type: ignore[union-attr] # both have one
    assert (end.move, end.judged, end.doubt, end.delay, end.noted) == (
        Move.RELEASE,
        False,
        False,
        None,
        False,
    )


def test_what_became_useless_while_it_waited_expires() -> None:
    end = expire(claim(7, fence=2), "mx")
    assert (end.delivery_id, end.fence, end.move, end.reason) == (
        7,
        2,
        Move.EXPIRE_SENDING,
        Reason.EXPIRED,
    )
    assert not end.judged


@pytest.mark.parametrize("stage", ["MAIL FROM", "RCPT TO", "DATA", "message body"])
def test_a_relay_fault_in_a_transaction_lets_other_mail_go_first(stage: str) -> None:
    end = settled(claim(), RelayFault(stage, "454 not now", LATER))
    assert (end.move, end.judged, end.noted) == (Move.RELEASE, False, False)
    assert end.answer == LATER
    assert end.delay == pytest.approx(30, rel=0.25)
