"""Verdicts are plain values, and there are six of them."""

from dataclasses import FrozenInstanceError
from typing import get_args

import pytest

from outbox.mail.verdict import Answer, Deferred, InDoubt, Rejected, RelayFault, Sent, Untouched, Verdict

ANSWER = Answer(250, "2.0.0", "Ok")


def test_a_verdict_is_one_of_six() -> None:
    assert {Sent, Deferred, Rejected, InDoubt, RelayFault, Untouched} == set(get_args(Verdict))


def test_verdicts_of_one_kind_and_words_are_equal_and_others_are_not() -> None:
    verdicts: list[Verdict] = [Deferred("RCPT TO", "busy", None), Rejected("RCPT TO", "busy", None)]
    assert verdicts[0] == Deferred("RCPT TO", "busy", None)
    assert verdicts[0] != verdicts[1]


@pytest.mark.parametrize("verdict", [ANSWER, Sent(ANSWER, "4BX"), Untouched("cut")])
def test_nothing_changes_a_verdict(verdict: object) -> None:
    (first, *_) = verdict.__slots__  # type: ignore[attr-defined] # they are dataclasses with slots
    with pytest.raises(FrozenInstanceError):
        setattr(verdict, first, "other")
