"""Of a mail that waits for nothing it is told what happened, who asked for it, and what can be done."""

from typing import Any

import pytest
from sqlalchemy import update

import outbox
from outbox import Status, Waits
from outbox.store.clock import utc_now
from outbox.store.schema import message
from tests.contract.scene import Scene, in_state
from tests.contract.told import told, why

AS_NEW = "retry(…, as_new=True) sends it again as a new mail"
PARKED = "release(…) lets it go, cancel(…) ends it"
DECIDE = "look at the relay's log, then mark_sent(…), retry(…) or cancel(…)"
NEVER, LATER = {"reply_code": 550, "reply": "No such user"}, {"reply_code": 451, "reply": "Later"}
YES = {"reply_code": 250, "enhanced_code": "2.0.0", "reply": "Ok"}
BACKUP = {"relay": "backup"}
TAKEN = "the relay took it: 250 2.0.0 Ok; what became of it then is the relay's to know"
ENDS: list[tuple[Status, str | None, dict[str, Any], str]] = [
    (Status.HELD, "poison", {}, f"three daemons died while they sent it: {PARKED}"),
    (Status.HELD, "storm", {}, f"too much mail like it was queued in a short time: {PARKED}"),
    (Status.HELD, "person", {}, f"somebody held it: {PARKED}"),
    (Status.HELD, "by hand", {}, f"it is held: {PARKED}"),
    (Status.IN_DOUBT, None, {}, f"nobody knows whether the relay has it; {DECIDE}"),
    (Status.FAILED, None, NEVER, "it failed: 550 No such user; retry(…) tries it again"),
    (Status.FAILED, "too_old", LATER, "no relay took it for days: 451 Later; retry(…) tries it again"),
    (Status.FAILED, "suppressed", {}, "its address was suppressed; retry(…) tries it again"),
    (Status.EXPIRED, "expired", {}, f"its expires_at passed before it was sent: {AS_NEW}"),
    (Status.CANCELLED, "person", {}, f"it was cancelled: {AS_NEW}"),
    (Status.SENT, None, YES, TAKEN),
    (Status.SENT, None, YES | BACKUP, TAKEN.replace("the relay took", "the relay 'backup' took")),
    (Status.IN_DOUBT, None, BACKUP, f"nobody knows whether the relay 'backup' has it; {DECIDE}"),
    (Status.SENT, "assumed", {}, "it is assumed to be sent, since nobody can know (on_doubt)"),
    (Status.SENT, "person", {}, "somebody marked it as sent"),
]


@pytest.mark.parametrize(("status", "reason", "words", "says"), ENDS)
def test_what_waits_for_nothing_tells_what_happened_and_what_can_be_done(
    scene: Scene, status: Status, reason: str | None, words: dict[str, Any], says: str
) -> None:
    (id_,) = scene.mail()
    scene.change(id_, **in_state(status), **words, reason=reason)
    assert told(why(scene, id_)) == (Waits(status.value), None, says)


@pytest.mark.parametrize("status", [Status.FAILED, Status.EXPIRED, Status.CANCELLED])
def test_what_has_no_body_any_more_is_said_not_to_go_again(scene: Scene, status: Status) -> None:
    (id_,) = scene.mail()
    scene.change(id_, **in_state(status))
    with scene.admin.begin() as connection:
        connection.execute(update(message).values(mime=None, erased_at=utc_now()))
    assert why(scene, id_).says.endswith("its body is erased, so nothing can send it again")


def test_who_asked_for_what_happened_is_told(scene: Scene) -> None:
    (id_,) = scene.mail(key="a")
    for verb, status, says in (
        (outbox.hold, "pending", "held by ann (a slip): release(…) lets it go, cancel(…) ends it"),
        (outbox.cancel, "held", f"cancelled by ann (a slip): {AS_NEW}"),
        (outbox.mark_sent, "in_doubt", "marked as sent by ann (a slip)"),
    ):
        scene.change(id_, **in_state(status))
        with scene.application.begin() as connection:
            (change,) = verb(connection, key="a", who="ann", note="a slip")
        assert change.done
        assert why(scene, id_).says == says
    # It is another's doing by now.
    scene.change(id_, **in_state("held"), reason="poison")
    assert why(scene, id_).says.startswith("three daemons died")


@pytest.mark.parametrize("status", ["sent", "failed", "expired", "cancelled"])
def test_what_was_sent_again_tells_the_new_mail(scene: Scene, status: str) -> None:
    (id_,) = scene.mail()
    scene.change(id_, **in_state(status))
    with scene.admin.begin() as connection:
        (change,) = outbox.retry(connection, scene.row(id_).message_id, as_new=True)
    assert why(scene, id_).says.endswith(f"sent again as message {change.new_message_id}")
