"""Much mail is found whole, and what changes before its turn comes is passed over."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from outbox import Status
from outbox.control import again
from outbox.mail.criteria import Criteria
from outbox.mail.request import MEANT_AS_NEW, Request
from outbox.store.matching import matching
from outbox.store.requests import ask, foresee
from tests.contract.scene import Scene, in_state

ANN, BOB = "ann@example.org", "bob@example.org"
SAID: dict[str, Any] = {"who": "ann", "note": None}


def matched(scene: Scene, status: Status, **criteria: Any) -> list[int]:
    wanted = Criteria(**criteria)
    return scene.database.read(lambda one: matching(one, wanted, status))


@pytest.mark.parametrize("status", Status)
def test_all_in_a_status_are_found_and_no_other(scene: Scene, status: Status) -> None:
    ids = scene.mail(3)
    for each in Status:
        scene.change(scene.mail(), **in_state(each))
    scene.change(ids, **in_state(status))
    assert len(matched(scene, status)) == (7 if status == "pending" else 4) - 3 * (status == "pending")
    assert set(ids) < set(matched(scene, status))


def test_each_criterion_leaves_out_what_has_it_not(scene: Scene) -> None:
    fields: dict[str, Any] = {"to": [ANN], "stream": "bulk", "tags": {"order": 7}, "subject": "Your tea"}
    right = scene.mail(**fields)
    for wrong in ({"to": BOB}, {"stream": "default"}, {"tags": {"order": 8}}, {"subject": "Your cake"}):
        scene.mail(**fields | wrong)
    scene.change(scene.mail(**fields), **in_state("held"))
    criteria: dict[str, Any] = {"recipients": (ANN,), "stream": "bulk", "tag": ("order", "7"), "text": "TEA"}
    assert matched(scene, Status.PENDING, **criteria) == right
    for name in criteria:
        fewer = {key: value for key, value in criteria.items() if key != name}
        assert len(matched(scene, Status.PENDING, **fewer)) == 2, name


def test_only_what_came_within_the_time_is_found(scene: Scene) -> None:
    ids = scene.mail()
    now, hour = datetime.now(UTC), timedelta(hours=1)
    assert matched(scene, Status.PENDING, since=now - hour, until=now + hour) == ids
    assert matched(scene, Status.PENDING, since=now + hour) == []
    assert matched(scene, Status.PENDING, until=now - hour) == []


def test_what_stands_otherwise_by_now_is_passed_over(scene: Scene) -> None:
    stays, changed = scene.mail(2)
    scene.change([stays, changed], **in_state("failed"))
    scene.change(changed, **in_state("pending"))
    with scene.application.begin() as connection:
        changes = ask(connection, [stays, changed], Request.RETRY, **SAID, only={Status.FAILED})
    assert [(change.delivery_id, change.done) for change in changes] == [(stays, True)]
    assert [note.delivery_id for note in scene.attempts()] == [stays]


def test_what_was_sent_meanwhile_is_never_sent_again_as_a_new_mail_unasked(scene: Scene) -> None:
    failed, sent = scene.mail(2)
    scene.change(failed, **in_state("failed"))
    scene.change(sent, **in_state("sent"))
    # Who applications are has no right to bodies.
    with scene.admin.begin() as connection:
        changes = again(connection, [failed, sent], only=MEANT_AS_NEW, **SAID)
        assert [change.delivery_id for change in changes if change.new_message_id] == [failed]
        assert again(connection, [failed, sent], only=MEANT_AS_NEW, **SAID) == []


def test_what_is_foreseen_is_what_comes_of_it_and_nothing_is_changed_by_that(scene: Scene) -> None:
    for status in Status:
        scene.change(scene.mail(), **in_state(status))
    ids = [row.id for row in scene.rows()]
    before = scene.rows()
    for request in Request:
        foreseen = scene.database.read(lambda one, request=request: foresee(one, ids, request))  # type: ignore[misc] # mypy infers no lambda with a default
        assert (scene.rows(), scene.attempts()) == (before, [])
        with scene.application.connect() as connection, connection.begin() as transaction:
            asked = ask(connection, ids, request, **SAID)
            transaction.rollback()
        assert asked == foreseen
