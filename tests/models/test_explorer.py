"""No order of claims, answers, kills, pauses and lost COMMITs loses a mail, or doubles one without a reason.

Every state is visited that three workers reach with two claims; in `make models`, which sets
OUTBOX_TEST_LONG, with three, which takes minutes and a gigabyte.
"""

import os
from collections.abc import Callable

import pytest

from outbox.mail.status import Lane, OnDoubt, Status
from tests.models.explorer import Account, explore
from tests.models.protocol import Rules

LONG = bool(os.environ.get("OUTBOX_TEST_LONG"))
STEPS = {
    "claimed",
    "claimed unheard",
    "given back unknown",
    "announced",
    "announced unheard",
    "refused before the dot",
    "given back before the dot",
    "checked",
    "dotted",
    "taken",
    "refused after the dot",
    "answer lost, and stored",
    "answer lost, and not stored",
    "recorded",
    "recorded unheard",
    "lease over",
    "beat",
    "new session",
    "killed",
    "killed, and stored",
    "restarted",
    "declared lost",
    "rescued",
}

pytestmark = pytest.mark.timeout(1800 if LONG else 300)


def nothing_broke(account: Account) -> bool:
    return (account.lost, account.false, account.unjustified, account.breach) == (0, 0, 0, ())


@pytest.mark.parametrize("lane", [Lane.FRESH, Lane.ALONE])
@pytest.mark.parametrize("pauses", [False, True])
def test_what_may_go_again_is_never_lost_and_never_doubled_without_a_doubt(
    lane: Lane, *, pauses: bool, report: Callable[[str], None]
) -> None:
    account = explore(Rules(OnDoubt.RESEND, 3 if LONG else 2, lane, pauses=pauses), 3)
    report(str(account))
    assert nothing_broke(account)
    assert account.states > 5000
    assert account.copies == account.rules.claims, "the doubts that excuse a copy were never met"
    # The one window that no program can close: each of these stands in the database as a rescue.
    assert pauses == (account.paused > 0)


@pytest.mark.parametrize("lane", [Lane.FRESH, Lane.ALONE])
@pytest.mark.parametrize("pauses", [False, True])
@pytest.mark.parametrize("on_doubt", [OnDoubt.HOLD, OnDoubt.ASSUME_SENT])
def test_what_must_not_go_again_arrives_once_at_most(
    on_doubt: OnDoubt, lane: Lane, *, pauses: bool, report: Callable[[str], None]
) -> None:
    account = explore(Rules(on_doubt, 3 if LONG else 2, lane, pauses=pauses), 3)
    report(str(account))
    assert nothing_broke(account)
    assert account.states > 500
    assert account.copies == 1
    # Only who asked for it is told of a mail as sent that no relay has.
    assert (on_doubt is OnDoubt.ASSUME_SENT) == (account.assumed > 0)


def test_the_third_doubt_and_the_third_crash_end_in_front_of_a_person(report: Callable[[str], None]) -> None:
    account = explore(Rules(OnDoubt.RESEND, 3, Lane.ALONE), 1)
    report(str(account))
    assert nothing_broke(account)
    assert account.states > 500
    assert account.ends == {Status.PENDING, Status.SENDING, Status.SENT, Status.IN_DOUBT, Status.HELD}


def test_every_kind_of_step_is_explored() -> None:
    assert explore(Rules(OnDoubt.RESEND, 2, Lane.ALONE, pauses=True), 2).steps == STEPS


# The explorer must be able to fail, or its zeros mean nothing.


def test_the_explorer_finds_the_duplicate_when_the_fence_is_left_out() -> None:
    account = explore(Rules(OnDoubt.RESEND, 3, fence=False), 2, until_breach=True)
    assert account.unjustified > 0
    # What was written twice gave back a later claim, whose mail was there.
    assert account.breach[2:6] == ("recorded unheard", "claimed", "dotted", "recorded")


def test_the_explorer_finds_the_duplicate_when_the_last_moment_check_is_left_out() -> None:
    account = explore(Rules(OnDoubt.RESEND, 2, check=False), 2, until_breach=True)
    assert account.unjustified > 0
    assert account.breach[:4] == ("claimed", "lease over", "declared lost", "rescued")


def test_the_explorer_finds_what_is_lost_when_nobody_sweeps() -> None:
    assert explore(Rules(OnDoubt.RESEND, 1, sweep=False), 2).lost > 0
