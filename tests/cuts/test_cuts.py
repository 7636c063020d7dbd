"""No fault at any byte loses a mail, or doubles one without a record: a sample of `make cuts`.

What counts. Lost is a recipient without an end, one that we call sent and the server never took, and one that
we call rejected and the server never refused. Unexplained is each recipient with more copies than one and one
for each recorded doubt. A byte that is changed in the clear may change what arrives, or make the server
refuse what it cannot read: no client can see the one or doubt the other, so they count as delivered and as
refused. Under TLS nothing may arrive changed. No fault turns a refusal into an acceptance: see `Kind`.
"""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from outbox.delivery import judge
from outbox.mail.verdict import Answer, Deferred, InDoubt, Sent, Verdict
from outbox.smtp.stage import Stage
from tests.cuts.conversations import Conversation, conversations
from tests.cuts.daemon import Daemon
from tests.cuts.fault import Kind, Way
from tests.cuts.sweep import Tally, every_fault, sweep

pytestmark = pytest.mark.trial

_SAMPLE = 200
_WHOLE = {"pipelined": 10_000, "chained": 10_000, "STARTTLS, AUTH, chained": 140}
"""Conversations that are cut at every byte also here, and up to which; the third leaves the clear there."""
_UNSEEN = {Stage.CONNECT, Stage.IDLE, Stage.RSET, Stage.QUIT}
"""The stages at which no mail awaits a verdict, and those that no byte is part of."""


@pytest.fixture
def spoken(tmp_path: Path) -> list[Conversation]:
    return conversations(tmp_path)


def test_no_fault_at_any_byte_loses_or_doubles_a_mail(
    spoken: list[Conversation], report: Callable[[str], None]
) -> None:
    total = Tally("sample of make cuts")
    for conversation in spoken:
        faults = list(every_fault(conversation))
        chosen = Random(conversation.name).sample(faults, _SAMPLE)
        whole = _WHOLE.get(conversation.name, 0)
        chosen += [fault for fault in faults if fault.kind is Kind.CUT and fault.at < whole]
        total.add(sweep(conversation, chosen))
    report(str(total))
    assert total.lost + total.unexplained == []
    assert {stage.value for stage in set(Stage) - _UNSEEN} <= total.stages


def test_a_pause_costs_nothing(spoken: list[Conversation]) -> None:
    for conversation in spoken:
        pauses = [fault for fault in every_fault(conversation) if fault.kind is Kind.PAUSE]
        tally = sweep(conversation, pauses[::40])
        assert tally.lost + tally.unexplained == []
        assert tally.doubts == 0


# The driver must be able to fail, or its zeros mean nothing.


class _Forgetful(Daemon):
    """Sends again what is in doubt, and records nothing."""

    def settle(self, recipient: str, verdict: Verdict) -> None:
        if not isinstance(verdict, InDoubt):
            super().settle(recipient, verdict)


class _Hopeful(Daemon):
    """Takes what is in doubt for sent."""

    def settle(self, recipient: str, verdict: Verdict) -> None:
        hoped = Sent(Answer(250, None, ""), None) if isinstance(verdict, InDoubt) else verdict
        super().settle(recipient, hoped)


def test_a_doubt_without_a_record_is_seen(spoken: list[Conversation]) -> None:
    for conversation in spoken:
        cuts = [
            fault for fault in every_fault(conversation) if fault.kind is Kind.CUT and fault.way is Way.DOWN
        ]
        tally = sweep(conversation, cuts[::13], _Forgetful)
        assert tally.lost == []
        assert tally.unexplained, conversation.name


def test_a_doubt_that_is_taken_for_sent_is_seen(spoken: list[Conversation]) -> None:
    flips = [fault for fault in every_fault(spoken[0]) if fault.kind is Kind.FLIP and fault.way is Way.UP]
    assert sweep(spoken[0], flips, _Hopeful).lost


def test_an_engine_that_defers_behind_the_dot_is_seen(
    spoken: list[Conversation], monkeypatch: pytest.MonkeyPatch
) -> None:
    def deferred(stage: Stage, problem: str, *, reused: bool) -> Verdict:  # noqa: ARG001 as the real one
        return Deferred(stage.value, problem, None)

    monkeypatch.setattr(judge, "judge_loss", deferred)
    cuts = [fault for fault in every_fault(spoken[0]) if fault.kind is Kind.CUT]
    assert sweep(spoken[0], cuts).unexplained
