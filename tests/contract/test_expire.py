"""Waiting mail that is too late to be useful ends, and nothing else does."""

import pytest
from sqlalchemy import select

from outbox.mail.status import Status
from outbox.store.schema import delivery
from tests.contract.scene import Scene, ago


def test_a_waiting_mail_that_is_too_late_ends_as_expired(scene: Scene) -> None:
    (id_,) = scene.mail()
    scene.change(id_, expires_at=ago(0.001), attempts=2, reply="busy", relay="mx")
    before = scene.row(id_)._asdict()
    assert scene.queue.expire() == 1
    row = scene.row(id_)
    assert (
        before | {"status": "expired", "reason": "expired", "finished_at": row.finished_at} == row._asdict()
    )
    assert scene.since(delivery.c.finished_at, id_) == pytest.approx(0, abs=30)


def test_a_mail_that_is_not_due_yet_expires_too(scene: Scene) -> None:
    (id_,) = scene.mail()
    scene.change(id_, due_at=ago(-3600), expires_at=ago(60))
    assert scene.queue.expire() == 1
    assert scene.row(id_).status == "expired"


def test_a_mail_with_time_left_or_without_an_end_goes_on_waiting(scene: Scene) -> None:
    later, never = scene.mail(2)
    scene.change(later, expires_at=ago(-60))
    before = scene.rows()
    assert scene.queue.expire() == 0
    assert before == scene.rows()
    assert scene.row(never).expires_at is None


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.PENDING])
def test_only_what_waits_expires(scene: Scene, status: Status) -> None:
    scene.add(status)
    scene.change(scene.rows()[0].id, expires_at=ago(60))
    before = scene.rows()
    assert scene.queue.expire() == 0
    assert before == scene.rows()


def test_more_than_one_batch_expires_in_one_go(scene: Scene) -> None:
    ids = scene.mail(501)
    scene.change(ids, expires_at=ago(60))
    assert scene.queue.expire() == 501
    assert scene.queue.counts() == {"expired": 501}


def test_mail_with_time_left_never_hides_what_is_too_late(scene: Scene) -> None:
    scene.change(scene.mail(500), expires_at=ago(-60))
    (late,) = scene.mail()
    scene.change(late, expires_at=ago(60))
    assert scene.queue.expire() == 1
    assert scene.row(late).status == "expired"


@pytest.mark.parametrize("shared_url", ["postgresql", "mysql"], indirect=True)
def test_what_somebody_has_locked_expires_another_time(scene: Scene, rival: Scene) -> None:
    locked, free = scene.mail(2)
    scene.change([locked, free], expires_at=ago(60))
    with rival.application.connect() as connection, connection.begin():
        connection.execute(select(delivery).where(delivery.c.id == locked).with_for_update())
        assert scene.queue.expire() == 1
    assert [row.status for row in scene.rows()] == ["pending", "expired"]
    assert scene.queue.expire() == 1
