"""A claim decides by what a row is when it is locked, not by what it was when the claim began to look."""

import threading
from typing import Any

import pytest
from sqlalchemy import event, text

from outbox.mail.status import Lane
from outbox.store.moves import Claim
from tests.contract.scene import Scene, ago
from tests.contract.scene import change as overwrite
from tests.support.waiting import wait_until

# Evaluated once, behind the snapshot and before the first row is looked at.
_PAUSE = "(SELECT true FROM pg_advisory_xact_lock_shared(3)) AND "
_LOOKED_FOR = "outbox_delivery.status = 'pending'"

CHANGES = [
    {"status": "held"},
    {"due_at": ago(-60)},
    {"expires_at": ago(1)},
    {"fence": 5},
    {"stream": "other"},
]


def claim_around(scene: Scene, rival: Scene, **change: Any) -> list[Claim]:
    """Claim on PostgreSQL, and change the first delivery when the snapshot is taken and nothing is locked."""

    def pausing(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> Any:
        return statement.replace(_LOOKED_FOR, _PAUSE + _LOOKED_FOR, 1), parameters

    def waits() -> bool:
        waiting = text(
            "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database "
            "WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted"
        )
        with rival.application.connect() as connection:
            return bool(connection.execute(waiting).scalar_one())

    first, *_ = ids = [row.id for row in scene.rows()]
    scene.change(ids, lane=int(Lane.RETRY))  # which is claimed first
    me, claims = scene.start(), list[Claim]()
    claiming = threading.Thread(target=lambda: claims.extend(scene.queue.claim(me, 10, alone=False)))
    event.listen(scene.database.engine, "before_cursor_execute", pausing, retval=True)
    try:
        with rival.application.begin() as gate:
            gate.execute(text("SELECT pg_advisory_xact_lock(3)"))
            claiming.start()
            wait_until(waits, "the claim has its snapshot")
            rival.change(first, **change)
        claiming.join()
    finally:
        event.remove(scene.database.engine, "before_cursor_execute", pausing)
    return claims


@pytest.mark.parametrize("shared_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_fault_3_a_row_that_changed_between_snapshot_and_lock_is_not_claimed_as_it_was(
    scene: Scene, rival: Scene, change: dict[str, Any]
) -> None:
    changed, other = scene.mail(2)
    (claim,) = claim_around(scene, rival, **change)
    assert claim.delivery_id == other
    assert scene.row(changed).session is None


@pytest.mark.parametrize("shared_url", ["postgresql"], indirect=True)
def test_a_row_that_is_still_due_after_a_change_is_claimed_as_it_is_now(scene: Scene, rival: Scene) -> None:
    changed, _ = scene.mail(2)
    claims = {claim.delivery_id: claim for claim in claim_around(scene, rival, attempts=7)}
    assert len(claims) == 2
    assert claims[changed].attempts == scene.row(changed).attempts == 7


@pytest.mark.parametrize("shared_url", ["postgresql", "mysql"], indirect=True)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_fault_3_a_row_that_somebody_is_changing_is_passed_by(
    scene: Scene, rival: Scene, change: dict[str, Any]
) -> None:
    changed, other = scene.mail(2)
    with rival.admin.begin() as connection:
        overwrite(connection, [changed], **change)
        (claim,) = scene.queue.claim(scene.start(), 10)
        assert claim.delivery_id == other
    assert scene.row(changed).session is None
