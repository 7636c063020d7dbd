"""In a database that was restored beneath a daemon another mail may have the id that a verdict names.

It may even be held by the same session under the same fence, where the daemon has not noticed yet.
"""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from outbox.mail.status import LATE, Late, Move
from outbox.store.moves import Claim
from outbox.store.remains import Remains
from outbox.store.verdicts import Recorded
from tests.contract.ends import OWNED, PAUSE, record, settlement
from tests.contract.scene import Scene, in_state


def restored(scene: Scene, **values: Any) -> tuple[UUID, Claim, Claim]:
    """Claim a mail, and let another have its delivery's id since; return the claims of the first and this."""
    me, (first,) = scene.held()
    other = scene.add()
    scene.change(first.delivery_id, message_id=other, **values)
    return me, first, replace(first, message_id=other)


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("status", ["sending", "pending", "failed"])
@pytest.mark.parametrize("move", OWNED)
def test_fault_32_a_verdict_says_nothing_of_another_mail_that_has_its_id(
    scene: Scene, move: Move, status: str, *, again: bool
) -> None:
    me, first, _ = restored(scene)
    if status != "sending":
        scene.change(first.delivery_id, **in_state(status))
    before = scene.rows()
    end = settlement(first, move)
    recorded = scene.queue.record(me, [end], doubt_pause=PAUSE, again=again)
    # Of a release that is told again nothing more is known than that it changes nothing.
    expected = Recorded(1, 0, 0) if again and move is Move.RELEASE else Recorded(0, 0, 1)
    assert expected == recorded
    assert (before, []) == (scene.rows(), scene.attempts())


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("move", [move for move in OWNED if LATE[move] is not Late.DROPPED])
def test_fault_32_two_mails_of_one_id_each_get_their_own_verdict(
    scene: Scene, move: Move, *, again: bool
) -> None:
    me, first, other = restored(scene)
    ends = [settlement(first, move), settlement(other, Move.DEFER), settlement(first, move)]
    assert Recorded(1, 0, 2) == scene.queue.record(me, ends, doubt_pause=PAUSE, again=again)
    assert scene.row(other.delivery_id).status == "pending"
    assert [attempt.verdict for attempt in scene.attempts()] == ["defer"]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("move", OWNED)
def test_a_verdict_on_one_recipient_says_nothing_of_another_of_the_same_mail(
    scene: Scene, move: Move, *, late: bool
) -> None:
    scene.mail(1, to=["ann@example.org", "bob@example.org"])
    me = scene.start()
    claim, other = scene.queue.claim(me, 2)
    if late:
        scene.change([claim.delivery_id, other.delivery_id], **in_state("pending"))
    before = scene.row(other.delivery_id)
    record(scene.queue, me, settlement(claim, move))
    assert before == scene.row(other.delivery_id)


def test_fault_32_another_mail_that_has_the_id_is_not_set_apart(scene: Scene) -> None:
    me, first, other = restored(scene)
    before = scene.rows()
    remains = Remains(scene.database)
    assert remains.set_apart(me, [first]) == 0
    assert before == scene.rows()
    assert remains.set_apart(me, [other]) == 1
