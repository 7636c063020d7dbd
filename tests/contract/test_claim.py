"""A claim takes what is due, once, the longest waiting first, and says all that a sender must know."""

from dataclasses import asdict

import pytest

from outbox.mail.status import Lane
from outbox.store.database import Database, UnmetServerError
from outbox.store.moves import Claim
from outbox.store.queue import Queue
from outbox.store.schema import delivery
from tests.contract.scene import Scene, ago, in_state


def ids(claims: list[Claim]) -> list[int]:
    return sorted(claim.delivery_id for claim in claims)


def test_a_claim_holds_what_is_due_for_its_session_and_raises_its_fence_by_one(scene: Scene) -> None:
    (id_,) = scene.mail(to=["ann@example.org"])
    scene.change(id_, fence=6, attempts=2, doubts=1)
    me = scene.start()
    (claim,) = scene.queue.claim(me, 10)
    row = scene.row(id_)
    assert ("sending", me, 7) == (row.status, row.session, row.fence)
    assert {
        "delivery_id": id_,
        "message_id": row.message_id,
        "n": 0,
        "recipient": "ann@example.org",
        "stream": "default",
        "size": row.size,
        "fence": 7,
        "attempts": 2,
        "doubts": 1,
        "judged_ago": None,
        "lane": Lane.FRESH,
        "due_at": row.due_at,
        "due_ago": claim.due_ago,
        "expires_in": None,
        "reason": None,
        "relay": None,
        "objection": None,
        "diverted": None,
    } == asdict(claim)


def test_fault_31_nothing_is_claimed_of_a_server_that_nobody_has_looked_at_yet(scene: Scene) -> None:
    (id_,) = scene.mail()
    before, me = scene.row(id_), scene.start()
    database = Database(scene.url)
    database.met = database.connects
    with pytest.raises(UnmetServerError):
        Queue(database).claim(me, 1)
    assert scene.row(id_) == before
    database.met = database.connects
    # A newer one in somebody else's hands is no matter.
    with database.engine.connect() as met, database.engine.connect():
        met.close()
        assert [id_] == ids(Queue(database).claim(me, 1))
    database.close()


def test_a_claim_changes_nothing_but_status_session_fence_and_an_old_wish(scene: Scene) -> None:
    (id_,) = scene.mail()
    scene.change(id_, wish="hold")
    before = scene.row(id_)._asdict()
    me = scene.start()
    scene.queue.claim(me, 1)
    # A wish is about the sending that was under way when it was asked for.
    changed = {"status": "sending", "session": me, "fence": 1, "wish": None}
    assert before | changed == scene.row(id_)._asdict()


def test_a_claim_tells_ages_as_durations_by_the_database_clock(scene: Scene) -> None:
    (id_,) = scene.mail()
    scene.change(id_, judged_at=ago(3600), expires_at=ago(-120))
    (claim,) = scene.queue.claim(scene.start(), 1)
    assert claim.judged_ago == pytest.approx(3600, abs=30)
    assert claim.expires_in == pytest.approx(120, abs=30)


def test_what_is_not_due_yet_is_not_claimed(scene: Scene) -> None:
    due, later = scene.mail(2)
    scene.change(due, due_at=ago(0.001))
    scene.change(later, due_at=ago(-60))
    assert [due] == ids(scene.queue.claim(scene.start(), 10))
    assert scene.row(later).status == "pending"


@pytest.mark.parametrize("status", ["sending", "sent", "failed", "in_doubt", "held", "expired", "cancelled"])
def test_only_pending_deliveries_are_claimed(scene: Scene, status: str) -> None:
    scene.add(status)
    (before,) = scene.rows()
    assert not scene.queue.has_due()
    assert scene.queue.claim(scene.start(), 10) == []
    assert [before] == scene.rows()


def test_what_is_too_late_to_be_useful_is_not_claimed(scene: Scene) -> None:
    late, (useful) = scene.mail(2)
    scene.change(late, expires_at=ago(0.001))
    scene.change(useful, expires_at=ago(-60))
    assert [useful] == ids(scene.queue.claim(scene.start(), 10))


def test_a_claim_takes_at_most_its_limit_and_the_longest_due_first(scene: Scene) -> None:
    third, first, second, fourth = scene.mail(4)
    for age, id_ in enumerate([fourth, third, second, first], start=1):
        scene.change(id_, due_at=ago(60 * age))
    assert sorted([first, second]) == ids(scene.queue.claim(scene.start(), 2))
    assert [third] == ids(scene.queue.claim(scene.start(), 1))


def test_retries_are_claimed_longest_due_first(scene: Scene) -> None:
    mails = scene.mail(6)
    scene.change(mails, lane=1)
    for age, id_ in enumerate(mails):
        scene.change(id_, due_at=ago(60 * (age + 1)))
    assert mails[4:] == ids(scene.queue.claim(scene.start(), 4))


@pytest.mark.parametrize(("limit", "retries"), [(1, 0), (2, 1), (5, 3), (8, 4)])
def test_retries_take_at_most_half_while_fresh_mail_waits(scene: Scene, limit: int, retries: int) -> None:
    mails = scene.mail(20)
    scene.change(mails[:10], lane=1, due_at=ago(3600))
    claimed = ids(scene.queue.claim(scene.start(), limit))
    assert limit == len(claimed)
    assert retries == len([id_ for id_ in claimed if id_ in mails[:10]])


@pytest.mark.parametrize("alone", [True, False])
def test_a_claim_of_one_takes_what_is_fresh_then_what_is_tried_again_and_the_rescued_last(
    scene: Scene, *, alone: bool
) -> None:
    fresh, retry, rescued = scene.mail(3)
    scene.change(retry, lane=int(Lane.RETRY), due_at=ago(60))
    scene.change(rescued, lane=int(Lane.ALONE), due_at=ago(120))
    me = scene.start()
    claimed = [ids(scene.queue.claim(me, 1, alone=alone)) for _ in range(4)]
    assert claimed == [[fresh], [retry], [rescued] if alone else [], []]


def test_fresh_mail_may_fill_a_claim_when_no_retry_waits(scene: Scene) -> None:
    mails = scene.mail(6)
    assert mails == ids(scene.queue.claim(scene.start(), 6))


def test_an_empty_queue_has_nothing_due_and_gives_nothing(scene: Scene) -> None:
    assert not scene.queue.has_due()
    assert scene.queue.claim(scene.start(), 10) == []


@pytest.mark.parametrize("lane", Lane)
def test_a_look_sees_what_a_claim_would_find_and_changes_nothing(scene: Scene, lane: Lane) -> None:
    (id_,) = scene.mail()
    scene.change(id_, lane=lane.value)
    before = scene.rows()
    assert scene.queue.has_due()
    assert before == scene.rows()
    scene.change(id_, due_at=ago(-60))
    assert not scene.queue.has_due()


def test_every_claim_raises_the_fence_so_that_no_two_holders_share_one(scene: Scene) -> None:
    (id_,) = scene.mail()
    for fence in (1, 2, 3):
        (claim,) = scene.queue.claim(scene.start(), 1)
        assert fence == claim.fence == scene.row(id_).fence
        scene.change(id_, **in_state("pending"))


def test_a_claimed_mail_is_read_with_its_exact_envelope_and_bytes(scene: Scene) -> None:
    scene.mail(to="ann@example.org", sender="Shop <orders@example.org>", on_doubt="hold")
    (claim,) = scene.queue.claim(scene.start(), 1)
    message = scene.queue.messages([claim.message_id])[claim.message_id]
    assert (claim.message_id, "orders@example.org", "hold") == (message.id, message.sender, message.on_doubt)
    assert message.mime.endswith(b"\r\n")
    assert claim.size == len(message.mime)


def test_unknown_messages_are_not_there(scene: Scene) -> None:
    assert scene.queue.messages([scene.start()]) == {}


def test_deliveries_are_counted_by_status(scene: Scene) -> None:
    scene.add("sent", "sent", "failed", "pending")
    assert scene.queue.counts() == {"sent": 2, "failed": 1, "pending": 1}


def test_a_delivery_is_due_the_moment_that_its_transaction_commits(scene: Scene) -> None:
    (id_,) = scene.mail()
    assert 0 <= scene.since(delivery.c.due_at, id_) < 30
    assert [id_] == ids(scene.queue.claim(scene.start(), 1))
