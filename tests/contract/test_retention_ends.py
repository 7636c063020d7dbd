"""What can be done of a mail that is deleted, or has no body any more."""

import outbox
from outbox.store.retention import Terms
from tests.contract.aged import aged, deleted, erased
from tests.contract.scene import Scene, in_state


def test_a_failed_mail_without_its_body_is_not_tried_again(scene: Scene) -> None:
    id_ = aged(scene, "failed")
    erased(scene)
    # As an admin: no application may read a body to send it again as a new mail.
    with scene.admin.begin() as connection:
        for as_new in (False, True):
            (change,) = outbox.retry(connection, id_, as_new=as_new)
            assert (change.done, change.says) == (False, "its body is erased, so nothing can send it again")
    assert [row.status for row in scene.rows()] == ["failed"]


def test_a_key_is_free_again_when_its_mail_is_deleted(scene: Scene) -> None:
    (id_,) = scene.mail(key="receipt-42")
    scene.change(id_, **in_state("sent"))
    assert [id_] == scene.mail(key="receipt-42")
    deleted(scene, Terms(0.0))
    (other,) = scene.mail(key="receipt-42")
    assert id_ != other
