"""What the daemon counts: verdicts by relay and reply class, and seconds in buckets."""

import logging
from dataclasses import replace
from typing import Any

import pytest

from outbox.mail.status import Move
from outbox.mail.verdict import Answer
from outbox.worker.tally import SEND_BOUNDS, Histogram, Tally
from tests.unit.worker.held import settlement


def test_each_verdict_is_counted_by_its_relay_and_the_class_of_its_reply() -> None:
    tally = Tally()
    verdicts: list[tuple[Move, int | None]] = [
        (Move.DELIVER, 250),
        (Move.REFUSE, 550),
        (Move.REFUSE, None),
        (Move.GIVE_UP, 451),
        (Move.DEFER, 450),
        (Move.RELEASE, None),
        (Move.PARK, None),
    ]
    for n, (move, code) in enumerate(verdicts):
        answer = None if code is None else Answer(code, None, "words")
        judged = move is not Move.RELEASE
        tally.settled(replace(settlement(n), move=move, answer=answer, judged=judged))
    assert tally.sent == {"mx": 1}
    assert tally.failed == {("mx", "5xx"): 1, ("mx", "none"): 1, ("mx", "4xx"): 1}
    assert tally.deferred == {("mx", "4xx"): 1}
    assert (tally.totals.sent, tally.totals.failed, tally.totals.deferred) == (1, 3, 1)


def test_a_doubt_is_counted_whatever_becomes_of_it() -> None:
    tally = Tally()
    for move in (Move.DOUBT_RESEND, Move.DOUBT_HOLD, Move.DOUBT_ASSUME):
        tally.settled(replace(settlement(1), move=move, doubt=True, judged=True))
    assert tally.doubts == {"mx": 3}


def test_a_failure_is_told_by_ids_and_codes_and_names_nobody(caplog: pytest.LogCaptureFixture) -> None:
    failed: Any = replace(
        settlement(7),
        move=Move.REFUSE,
        stage="RCPT TO",
        answer=Answer(550, "5.1.1", "no ann here"),
        detail="RCPT TO: 550 5.1.1 no ann here",
        recipient="ann@example.org",
    )
    with caplog.at_level(logging.INFO, "outbox"):
        Tally().settled(failed)
    (told,) = caplog.messages
    assert told.startswith(f"delivery 7 of message {failed.message_id} to <address> failed, relay mx: ")
    assert told.endswith(": RCPT TO: 550 5.1.1")


def test_an_observation_falls_into_the_first_bucket_that_holds_it() -> None:
    histogram = Histogram((1.0, 2.0))
    for seconds in (0.5, 1.0, 1.5, 2.5, 9.0):
        histogram.observe(seconds)
    assert (histogram.counts, histogram.total) == ([2, 1, 2], 14.5)


def test_a_transaction_is_one_observation_and_each_delivery_waited_for_itself() -> None:
    tally = Tally()
    tally.judged("mx", 0.2, [1.0, 70.0])
    assert (sum(tally.sending["mx"].counts), sum(tally.waiting["mx"].counts)) == (1, 2)
    assert tally.sending["mx"].counts[SEND_BOUNDS.index(0.25)] == 1
