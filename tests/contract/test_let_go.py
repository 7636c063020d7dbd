"""Nothing is let go that would end at once, and a wish is withdrawn while the mail is being sent."""

import pytest

import outbox
from outbox import Status
from outbox.mail.request import Request
from outbox.mail.status import Move, Wish
from tests.contract.ends import record, settlement
from tests.contract.scene import Scene, ago
from tests.contract.test_requests import asked, assert_became, stands

AS_NEW = "retry(…, as_new=True) sends it again as a new mail"
TOO_LATE = [
    (Request.RELEASE, Status.HELD, f"cancel(…) it, then {AS_NEW}"),
    (Request.RELEASE, Status.IN_DOUBT, f"cancel(…) it, then {AS_NEW}"),
    (Request.RETRY, Status.IN_DOUBT, f"cancel(…) it, then {AS_NEW}"),
    (Request.RETRY, Status.FAILED, AS_NEW),
    (Request.RETRY, Status.PENDING, f"it will expire, then {AS_NEW}"),
]


@pytest.mark.parametrize(("request_", "status", "remedy"), TOO_LATE)
def test_what_would_expire_at_once_is_not_let_go_and_that_is_told(
    scene: Scene, request_: Request, status: Status, remedy: str
) -> None:
    before = stands(scene, status, expires_at=ago(60))
    change = asked(scene, request_, before)
    says = f"it is too late, its expires_at has passed: {remedy}"
    assert (status, False, says) == (change.after, change.done, change.says)
    assert (before, []) == (scene.row(before.id), scene.attempts())


@pytest.mark.parametrize(("request_", "status"), [each[:2] for each in TOO_LATE])
def test_what_expires_later_is_let_go(scene: Scene, request_: Request, status: Status) -> None:
    assert asked(scene, request_, stands(scene, status, expires_at=ago(-60))).done


@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILED, Status.IN_DOUBT])
def test_mail_for_a_suppressed_address_is_not_tried_again_until_it_may_be(
    scene: Scene, status: Status
) -> None:
    before = stands(scene, status, recipient="Ann@example.org")
    with scene.application.begin() as connection:
        outbox.suppress(connection, "ann@example.org", "she asked")
    change = asked(scene, Request.RETRY, before)
    says = "its address is suppressed, and it would fail: unsuppress(…) the address first"
    assert (status, False, says) == (change.after, change.done, change.says)
    assert (before, []) == (scene.row(before.id), scene.attempts())
    with scene.application.begin() as connection:
        outbox.unsuppress(connection, "ann@example.org")
    assert asked(scene, Request.RETRY, before).done


@pytest.mark.parametrize("request_", [Request.RELEASE, Request.RETRY])
@pytest.mark.parametrize("wish", Wish)
def test_a_wish_is_withdrawn_and_the_mail_goes_on_as_if_nobody_had_wished(
    scene: Scene, wish: Wish, request_: Request
) -> None:
    me, (claim,) = scene.held()
    asked(scene, Request(wish.value), scene.row(claim.delivery_id))
    before = scene.row(claim.delivery_id)
    change = asked(scene, request_, before)
    says = "it is being sent; what was asked for is withdrawn"
    assert (Status.SENDING, True, says) == (change.after, change.done, change.says)
    assert_became(scene, before, {"wish": None})
    again = asked(scene, request_, before)
    assert (again.after, again.done, again.says) == (Status.SENDING, False, "it is being sent")
    assert [note.verdict for note in scene.attempts()] == [wish.value, request_.value]
    record(scene.queue, me, settlement(claim, Move.DEFER))
    assert scene.row(claim.delivery_id).status == "pending"
