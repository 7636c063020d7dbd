"""Daemons and applications at once: no row is held twice, and nobody waits for nothing."""

from collections import Counter
from collections.abc import Callable
from uuid import UUID

import pytest

from outbox.mail.status import Move, Status
from outbox.mail.stream import DEFAULT
from outbox.store.lanes import LEFT
from outbox.store.moves import outcome_row
from outbox.store.schema import delivery, message
from tests.contract.crowd import at_once
from tests.contract.ends import record, settlement
from tests.contract.scene import Scene, ago

FRESH = {"lane_stream": DEFAULT, "lane_number": 0, "lane_floor": LEFT}
SERVERS = pytest.mark.parametrize("shared_url", ["postgresql", "mysql"], indirect=True)
"""SQLite has one writer: there the second one waits, which other tests see."""


def test_claimers_at_once_never_hold_the_same_delivery(scene: Scene, rival: Scene) -> None:
    ids = scene.mail(150)
    scene.change(ids[::3], lane=1)
    claimed: list[int] = []

    def drain(one: Scene) -> Callable[[], None]:
        def work() -> None:
            me = one.start()
            while claims := one.queue.claim(me, 7):
                claimed.extend(claim.delivery_id for claim in claims)

        return work

    with scene.another() as third:
        at_once(drain(scene), drain(rival), drain(third))
    assert Counter(ids) == Counter(claimed)
    assert {1} == {row.fence for row in scene.rows()}


def test_daemons_that_claim_and_record_at_once_send_each_mail_once(scene: Scene, rival: Scene) -> None:
    ids = scene.mail(120)
    sent: list[int] = []

    def work(one: Scene) -> Callable[[], None]:
        def drain() -> None:
            me = one.start()
            while claims := one.queue.claim(me, 9):
                ends = [settlement(claim, Move.DELIVER, noted=False) for claim in claims]
                assert record(one.queue, me, ends).applied == len(claims)
                sent.extend(claim.delivery_id for claim in claims)

        return drain

    def enqueue() -> None:
        for _ in range(30):
            ids.extend(scene.mail())

    at_once(work(scene), work(rival), enqueue)
    work(scene)()
    assert Counter(ids) == Counter(sent)
    assert scene.queue.counts() == {"sent": 150}


@SERVERS
def test_a_claim_takes_what_another_open_claim_has_left_without_waiting_for_it(
    scene: Scene, rival: Scene
) -> None:
    ids = scene.mail(4)
    mine, other = scene.start(), rival.start()
    with scene.database.engine.begin() as connection:
        first = scene.daemon.claim(connection, mine, FRESH, 2)
        second = rival.queue.claim(other, 10)
    assert sorted(ids) == sorted(claim.delivery_id for claim in [*first, *second])
    assert {mine: 2, other: 2} == Counter(row.session for row in scene.rows())


@SERVERS
def test_fault_24_an_open_claim_keeps_no_application_from_enqueuing(scene: Scene, rival: Scene) -> None:
    scene.mail(3)
    with scene.database.engine.begin() as connection:
        scene.daemon.claim(connection, scene.start(), FRESH, 10)
        rival.mail(3)
        rival.mail(1, key="a")
    assert scene.queue.counts() == {"sending": 3, "pending": 4}


@SERVERS
def test_a_mail_is_claimed_only_after_its_transaction_has_committed(scene: Scene) -> None:
    with scene.application.begin() as connection:
        scene.outbox.enqueue(connection, to="ann@example.org", text="Hello.")
        assert not scene.queue.has_due()
        assert scene.queue.claim(scene.start(), 10) == []
    assert len(scene.queue.claim(scene.start(), 10)) == 1


def test_nothing_is_claimed_of_a_transaction_that_was_rolled_back(scene: Scene) -> None:
    with scene.application.connect() as connection:
        scene.outbox.enqueue(connection, to="ann@example.org", text="Hello.")
        connection.rollback()
    assert scene.queue.claim(scene.start(), 10) == []
    assert (scene.count(message), scene.count(delivery)) == (0, 0)


@SERVERS
def test_a_rescue_does_not_wait_for_what_a_holder_is_writing(scene: Scene, rival: Scene) -> None:
    me, (claim,) = scene.held()
    dead = scene.mail()
    scene.change(dead, status="sending", session=UUID(int=1))
    verdict = outcome_row(settlement(claim, Move.DELIVER), me)
    with scene.database.engine.begin() as connection:
        assert scene.daemon.record(connection, [verdict], apart=False)
        # MariaDB may pass by more than that: it locks what it looks at.
        rescued = rival.queue.rescue()
    assert rescued + rival.queue.rescue() == 1
    assert scene.queue.counts() == {"sent": 1, "pending": 1}


def test_of_a_verdict_and_a_rescue_at_once_exactly_one_wins(scene: Scene, rival: Scene) -> None:
    ids = scene.mail(40)
    me = UUID(int=2)
    claims = scene.queue.claim(me, 40)
    assert len(ids) == len(claims)
    results: dict[str, int] = {}

    def verdicts() -> None:
        ends = [settlement(claim, Move.REFUSE) for claim in claims]
        results["refused"] = sum(record(scene.queue, me, end).applied for end in ends)

    def rescue() -> None:
        results["rescued"] = rival.queue.rescue()

    at_once(verdicts, rescue)
    counts = scene.queue.counts()
    assert results["refused"] + results["rescued"] == 40
    assert (results["refused"], results["rescued"]) == (
        counts.get(Status.FAILED, 0),
        counts.get(Status.PENDING, 0),
    )


def test_a_mail_that_expires_while_it_is_claimed_has_one_fate(scene: Scene, rival: Scene) -> None:
    ids = scene.mail(40)
    scene.change(ids, expires_at=ago(60))
    scene.change(ids[::2], expires_at=ago(-60))
    claimed: list[int] = []

    def expire() -> None:
        scene.queue.expire()

    at_once(
        lambda: claimed.extend(claim.delivery_id for claim in scene.queue.claim(scene.start(), 40)),
        lambda: claimed.extend(claim.delivery_id for claim in rival.queue.claim(rival.start(), 40)),
        expire,
    )
    # Each passes over what another has locked just then, as MariaDB does with its neighbours, too.
    claimed.extend(claim.delivery_id for claim in scene.queue.claim(scene.start(), 40))
    expire()
    assert sorted(ids[::2]) == sorted(claimed)
    assert scene.queue.counts() == {"sending": 20, "expired": 20}
