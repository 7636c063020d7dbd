"""What is told of a mail, and how it says that."""

from datetime import datetime
from typing import Any

import outbox
from outbox import Waits, Why
from tests.contract.scene import Scene


def whys(scene: Scene, *named: Any, **which: Any) -> list[Why]:
    return scene.database.read(lambda connection: outbox.why(connection, *named, **which))


def why(scene: Scene, id_: int) -> Why:
    """Return what is told of the only delivery of a mail."""
    row = scene.row(id_)
    (told,) = whys(scene, row.message_id)
    assert (told.delivery_id, told.message_id, told.recipient, told.status) == (
        (id_, row.message_id, row.recipient, row.status)
    )
    return told


def told(one: Why) -> tuple[Waits, datetime | None, str]:
    return one.waits_for, one.until, one.says


def at(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S}Z"


def in_turn(ahead: str) -> tuple[Waits, None, str]:
    return Waits.IN_TURN, None, f"it is in its turn, with {ahead} ahead of it: nothing to do"
