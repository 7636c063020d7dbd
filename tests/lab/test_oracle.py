"""The oracle sees each breach, or the lab's zeros mean nothing."""

import pytest

from outbox.mail.status import OnDoubt, Reason, Status
from tests.lab.oracle import Final, Key, Kill, Promise, reconcile
from tests.support.ledger import Entry

ADA: Key = ("<1@example.org>", "ada@example.org")
BOB: Key = ("<1@example.org>", "bob@example.org")
SENT = Final(Status.SENT, 1)
IN_DOUBT = Final(Status.IN_DOUBT, 1)


def arrived(key: Key = ADA, client: str = "run1", body: str = "aa") -> Entry:
    return Entry(*key, body, client)


def promise(on_doubt: OnDoubt = OnDoubt.RESEND) -> Promise:
    return Promise("aa", on_doubt)


def test_what_arrived_once_and_is_called_sent_is_well() -> None:
    account = reconcile(
        {ADA: promise(), BOB: promise()}, [], [arrived(ADA), arrived(BOB)], {ADA: SENT, BOB: SENT}
    )
    assert account.broken == []
    assert account.duplicates == 0
    assert account.ends == {Status.SENT: 2}


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (None, "it is not in the database"),
        (SENT, "it is called sent, and never arrived"),
        (Final(Status.SENT, 1, Reason.ASSUMED), "it is called sent, and never arrived"),
        (Final(Status.PENDING, 0), "it ended as pending (None), asked resend in doubt"),
        (Final(Status.FAILED, 1), "it ended as failed (None), asked resend in doubt"),
        (Final(Status.HELD, 1, "poison"), "it ended as held (poison), asked resend in doubt"),
        (IN_DOUBT, "it ended as in_doubt (None), asked resend in doubt"),
    ],
)
def test_a_committed_mail_without_an_end_that_we_promise_is_lost(end: Final | None, why: str) -> None:
    final = {} if end is None else {ADA: end}
    account = reconcile({ADA: promise()}, [], [], final, [Kill("run1", {ADA: 1}, [ADA])], [ADA])
    assert account.lost == [f"lost {ADA[0]} to {ADA[1]}: {why}"]


def test_what_is_gone_with_the_database_may_have_arrived_once_and_not_twice() -> None:
    of_both = {ADA: promise(), BOB: promise()}
    well = reconcile(of_both, [], [arrived(ADA)], {}, gone=of_both)
    assert (well.broken, well.duplicates) == ([], 0)
    assert reconcile(of_both, [], [arrived(ADA)] * 2, {}, gone=of_both).unjustified
    # What has come back with another dump must end as any other.
    assert reconcile(of_both, [], [], {ADA: Final(Status.PENDING, 0)}, gone=of_both).lost


def test_one_recipient_of_a_mail_may_be_lost_alone() -> None:
    account = reconcile({ADA: promise(), BOB: promise()}, [], [arrived(ADA)], {ADA: SENT, BOB: SENT})
    assert len(account.lost) == 1
    assert BOB[1] in account.lost[0]


@pytest.mark.parametrize("wish", [OnDoubt.HOLD, OnDoubt.ASSUME_SENT])
def test_a_doubt_is_an_end_only_where_it_was_asked_for_and_a_kill_met_the_mail(wish: OnDoubt) -> None:
    assert reconcile({ADA: promise(wish)}, [], [], {ADA: IN_DOUBT}, rescued=[ADA]).lost == []
    assert reconcile({ADA: promise(wish)}, [], [], {ADA: IN_DOUBT}, rescued=[BOB]).lost
    assert reconcile({ADA: promise()}, [], [], {ADA: IN_DOUBT}, rescued=[ADA]).lost


def test_a_mail_is_assumed_sent_only_where_it_was_asked_for_and_a_kill_met_it() -> None:
    assumed = {ADA: Final(Status.SENT, 1, Reason.ASSUMED)}
    assert reconcile({ADA: promise(OnDoubt.ASSUME_SENT)}, [], [], assumed, rescued=[ADA]).lost == []
    assert reconcile({ADA: promise(OnDoubt.ASSUME_SENT)}, [], [], assumed, rescued=[BOB]).lost
    assert reconcile({ADA: promise(OnDoubt.HOLD)}, [], [], assumed, rescued=[ADA]).lost


@pytest.mark.parametrize(("crashes", "lost"), [(2, 1), (3, 0)])
def test_a_mail_is_poison_only_after_three_kills_that_met_it_announced(crashes: int, lost: int) -> None:
    kills = [Kill("run1", {ADA: n}, [ADA]) for n in range(crashes)] + [Kill("run1", {ADA: 9}, [BOB])]
    final = {ADA: Final(Status.HELD, 9, Reason.POISON)}
    assert len(reconcile({ADA: promise()}, [], [], final, kills, [ADA]).lost) == lost


def test_what_was_rolled_back_or_never_written_is_a_ghost_when_it_arrives() -> None:
    account = reconcile({}, [ADA], [arrived(ADA), arrived(BOB)], {})
    assert sorted(account.ghosts) == [
        f"ghost {ADA[0]} to {ADA[1]}: rolled back, arrived 1 times",
        f"ghost {BOB[0]} to {BOB[1]}: of nobody, arrived 1 times",
    ]


def test_what_was_rolled_back_is_a_ghost_in_the_database_too() -> None:
    assert reconcile({}, [ADA], [], {ADA: Final(Status.PENDING, 0)}).ghosts


def test_a_body_that_changed_on_its_way_is_seen() -> None:
    assert reconcile({ADA: promise()}, [], [arrived(body="bb")], {ADA: SENT}).altered


def test_a_second_copy_without_a_kill_is_unjustified() -> None:
    account = reconcile({ADA: promise()}, [], [arrived(), arrived()], {ADA: SENT})
    assert account.duplicates == 1
    assert account.unjustified == [f"doubled {ADA[0]} to {ADA[1]}: 1 too many, 0 at kills"]


def test_a_killed_daemons_dot_without_a_verdict_justifies_one_copy_more() -> None:
    ledger = [arrived(client="run1"), arrived(client="run2")]
    account = reconcile({ADA: promise()}, [], ledger, {ADA: Final(Status.SENT, 2)}, [Kill("run1", {ADA: 1})])
    assert account.broken == []
    assert account.duplicates == 1
    assert account.unrecorded == [1]


@pytest.mark.parametrize(
    ("kill", "end"),
    [
        # It held another mail.
        (Kill("run1", {BOB: 1}), Final(Status.SENT, 2)),
        # It held this one, but its dot never came.
        (Kill("run3", {ADA: 1}), Final(Status.SENT, 2)),
        # Its COMMIT was on its way, and came.
        (Kill("run1", {ADA: 1}), Final(Status.SENT, 1)),
    ],
)
def test_a_kill_that_left_no_dot_unrecorded_justifies_nothing(kill: Kill, end: Final) -> None:
    ledger = [arrived(client="run1"), arrived(client="run2")]
    account = reconcile({ADA: promise()}, [], ledger, {ADA: end}, [kill])
    assert account.unrecorded == [0]
    assert len(account.unjustified) == 1


def test_two_dots_of_one_killed_daemon_justify_one_copy() -> None:
    ledger = [arrived(client="run1"), arrived(client="run1"), arrived(client="run2")]
    account = reconcile({ADA: promise()}, [], ledger, {ADA: Final(Status.SENT, 2)}, [Kill("run1", {ADA: 1})])
    assert account.duplicates == 2
    assert len(account.unjustified) == 1


def test_another_mails_dot_at_a_kill_does_not_justify_this_ones_copy() -> None:
    ledger = [arrived(ADA), arrived(ADA), arrived(BOB)]
    final = {ADA: SENT, BOB: Final(Status.SENT, 2)}
    account = reconcile({ADA: promise(), BOB: promise()}, [], ledger, final, [Kill("run1", {BOB: 1})])
    assert account.duplicates == sum(account.unrecorded) == 1
    assert len(account.unjustified) == 1


def test_a_dot_that_was_told_as_a_doubt_excuses_one_more_arrival_and_not_two() -> None:
    twice, thrice = [arrived(ADA)] * 2, [arrived(ADA)] * 3
    assert reconcile({ADA: promise()}, [], twice, {ADA: SENT}, doubts={ADA: 1}).broken == []
    (broken,) = reconcile({ADA: promise()}, [], thrice, {ADA: SENT}, doubts={ADA: 1}).broken
    assert broken.endswith("2 too many, 0 at kills, 1 in doubt")


def test_a_mail_in_doubt_is_accounted_for_where_it_asked_for_that_or_was_so_three_times() -> None:
    held, resent = {ADA: promise(OnDoubt.HOLD)}, {ADA: promise()}
    assert reconcile(held, [], [], {ADA: IN_DOUBT}, doubts={ADA: 1}).broken == []
    assert reconcile(resent, [], [], {ADA: IN_DOUBT}, doubts={ADA: 3}).broken == []
    assert reconcile(resent, [], [], {ADA: IN_DOUBT}, doubts={ADA: 2}).lost
