"""Twenty refusals in a row for one reason, to three domains, are about us; all else is about mail."""

import pytest

from outbox.delivery.refusals import MANY, Refusals, ends_a_row, may_be_policy
from outbox.mail.verdict import Answer, Deferred, InDoubt, Rejected, RelayFault, Sent, Untouched, Verdict

POLICY = Answer(550, "5.7.1", "relaying denied")


def refused(answer: Answer | None = POLICY, stage: str = "RCPT TO") -> Rejected:
    return Rejected(stage, "refused", answer)


def row(*domains: str, count: int = MANY, stage: str = "RCPT TO") -> Refusals:
    """Return a row of refusals of one recipient each, to these domains in turn."""
    refusals = Refusals()
    for n in range(count):
        refusals.add([(refused(stage=stage), f"ann{n}@{domains[n % len(domains)]}")])
    return refusals


@pytest.mark.parametrize(
    ("domains", "count", "is_storm"),
    [
        (("a.example", "b.example", "c.example"), MANY, True),
        (("a.example", "b.example", "c.example"), MANY - 1, False),
        (("a.example", "b.example"), 10 * MANY, False),
        (("a.example", "A.example", "b.example"), 10 * MANY, False),
    ],
)
def test_a_storm_is_twenty_refusals_to_three_domains(
    domains: tuple[str, ...], count: int, *, is_storm: bool
) -> None:
    assert is_storm == row(*domains, count=count).is_storm


def test_one_answer_about_a_mail_counts_once_and_one_about_each_recipient_each_time() -> None:
    recipients = [f"ann@{letter}.example" for letter in "abcdefghijklmnopqrstuvwxy"]
    by_stage = {}
    for stage in ("MAIL FROM", "RCPT TO", "end of data"):
        refusals = Refusals()
        refusals.add([(refused(stage=stage), recipient) for recipient in recipients])
        by_stage[stage] = refusals.count, refusals.is_storm
    assert by_stage == {"MAIL FROM": (1, False), "RCPT TO": (25, True), "end of data": (1, False)}


def test_another_judgement_begins_a_new_row() -> None:
    refusals = row("a.example", "b.example", "c.example")
    refusals.end()
    assert (refusals.count, refusals.is_storm, refusals.is_another(Answer(554, None, "no"))) == (
        0,
        False,
        False,
    )


@pytest.mark.parametrize(
    ("answer", "is_another"),
    [
        (Answer(550, "5.7.1", "other words"), False),
        (Answer(554, None, "relaying denied"), False),
        (Answer(550, "5.7.26", "other words"), True),
        (Answer(550, None, "other words"), True),
    ],
)
def test_the_same_cause_is_the_same_code_or_the_same_words(answer: Answer, *, is_another: bool) -> None:
    assert is_another == row("a.example").is_another(answer)


def test_words_are_the_same_also_where_they_repeat_the_address() -> None:
    refusals = Refusals()
    refusals.add([(refused(Answer(550, None, "<ann@a.example>: no")), "ann@a.example")])
    assert not refusals.is_another(Answer(550, None, "<bob@b.example>: no"))


@pytest.mark.parametrize(
    ("verdict", "policy", "ends"),
    [
        (refused(), True, False),
        (refused(Answer(550, None, "no")), True, False),
        (refused(Answer(550, "5.1.1", "no such user")), False, True),
        (refused(None), False, False),
        (Sent(Answer(250, None, "Ok"), None), False, True),
        (Deferred("RCPT TO", "later", Answer(450, "4.2.0", "later")), False, True),
        (Deferred("", "cut", None), False, False),
        (InDoubt("end of data", "cut", None), False, False),
        (RelayFault("connect", "refused", None), False, False),
        (Untouched("cut"), False, False),
    ],
)
def test_what_a_verdict_says_of_policy(verdict: Verdict, *, policy: bool, ends: bool) -> None:
    assert (policy, ends) == (may_be_policy(verdict), ends_a_row(verdict))
