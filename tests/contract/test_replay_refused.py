"""What the database refuses in a replay concerns that delivery alone, and waits for a person."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from outbox.mail.status import OnDoubt
from outbox.mail.verdict import Verdict
from outbox.store.history import History
from outbox.worker.replay import AGAIN
from tests.contract.host import DOUBT, SENT, forget, prepared, statuses
from tests.contract.scene import Scene
from tests.support.users import migrated

AUDIT = {
    "sqlite": (
        """CREATE TRIGGER audit BEFORE UPDATE ON outbox_delivery
        WHEN NEW.status IN ({statuses}) AND NEW.recipient = 'bob@example.org'
        BEGIN SELECT RAISE(ABORT, 'audit says no'); END""",
    ),
    "postgresql": (
        """CREATE FUNCTION audit() RETURNS trigger AS $$ BEGIN
        IF NEW.status IN ({statuses}) AND NEW.recipient = 'bob@example.org' THEN
        RAISE EXCEPTION 'audit says no' USING ERRCODE = 'AU001';
        END IF; RETURN NEW; END $$ LANGUAGE plpgsql""",
        "CREATE TRIGGER audit BEFORE UPDATE ON outbox_delivery FOR EACH ROW EXECUTE FUNCTION audit()",
    ),
    "mysql": (
        """CREATE TRIGGER audit BEFORE UPDATE ON outbox_delivery FOR EACH ROW
        IF NEW.status IN ({statuses}) AND NEW.recipient = 'bob@example.org' THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'audit says no'; END IF""",
    ),
}


@pytest.fixture
def scene(database_url: str) -> Iterator[Scene]:
    """Give the store on a database of its own, for a trigger would stay."""
    migrated(database_url)
    scene = Scene(database_url)
    yield scene
    scene.close()


def audit(scene: Scene, statuses: str) -> None:
    """Refuse that Bob's mail comes to one of these."""
    with scene.admin.begin() as connection:
        for statement in AUDIT[scene.admin.dialect.name]:
            connection.execute(text(statement.format(statuses=statuses).replace(":", r"\:")))


@pytest.mark.parametrize(
    ("verdict", "on_doubt"), [(SENT, OnDoubt.RESEND), (DOUBT, OnDoubt.ASSUME_SENT)], ids=["sent", "assumed"]
)
def test_fault_19_what_the_database_refuses_in_a_replay_is_in_doubt_and_the_others_go_on(
    scene: Scene,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    verdict: Verdict,
    on_doubt: OnDoubt,
) -> None:
    host = prepared(scene, tmp_path)
    scene.mail(2)
    scene.mail(1, to="bob@example.org", on_doubt=on_doubt)
    scene.mail(2)
    me = scene.start()
    claims = sorted(scene.queue.claim(me, 5), key=lambda claim: claim.delivery_id)
    host.begin(me)
    for claim in claims:
        host.sends(me, [claim], verdict if claim is claims[2] else SENT)
    forget(scene, *claims)
    audit(scene, "'sent'")
    assert host.look(me)
    assert statuses(scene) == ["sent", "sent", "in_doubt", "sent", "sent"]
    assert host.replay.answered == History(scene.database).now().epoch
    assert "audit says no" in caplog.text
    assert "it waits for a person" in caplog.text
    noted = [attempt for attempt in scene.attempts() if attempt.delivery_id == claims[2].delivery_id]
    assert [attempt.verdict for attempt in noted] == ["doubt_hold"]
    assert "which the database refuses" in noted[0].detail


def test_fault_19_all_wait_for_what_must_not_even_wait(
    scene: Scene, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    host = prepared(scene, tmp_path)
    me, claims = scene.held(1, to="bob@example.org")
    host.begin(me)
    host.sends(me, claims)
    forget(scene, *claims)
    audit(scene, "'sent', 'in_doubt'")
    assert host.look(me)
    assert statuses(scene) == ["pending"]
    assert host.replay.answered < History(scene.database).now().epoch
    assert "nothing is sent until the database takes it" in caplog.text


def test_what_could_not_be_written_is_tried_again_after_a_while_and_after_another_lapse_at_once(
    scene: Scene, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def read() -> int:
        return caplog.text.count("the journals of this host were read")

    host = prepared(scene, tmp_path)
    me, claims = scene.held(1, to="bob@example.org")
    host.begin(me)
    host.sends(me, claims)
    forget(scene, *claims)
    audit(scene, "'sent', 'in_doubt'")
    assert host.look(me)
    host.now += AGAIN - 1
    assert host.look(me)
    assert read() == 1
    assert History(scene.database).went_back(History(scene.database).now().epoch)
    assert host.look(me)
    assert read() == 2
    with scene.admin.begin() as connection:
        on = " ON outbox_delivery" if scene.admin.dialect.name == "postgresql" else ""
        connection.execute(text(f"DROP TRIGGER audit{on}"))
    host.now += AGAIN
    assert host.look(me)
    assert (statuses(scene), read()) == (["sent"], 3)
    assert host.replay.answered == History(scene.database).now().epoch
