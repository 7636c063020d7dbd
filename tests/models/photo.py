"""All rows of a database at one moment, and how they may differ from those before."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Table, select

from outbox.mail.status import Status
from outbox.store.clock import utc_now
from outbox.store.schema import attempt, delivery, session
from tests.contract.scene import Scene
from tests.models.mirror import NEAR, Mirror, Now
from tests.models.rows import Row


@dataclass(frozen=True, slots=True)
class Photo:
    """The rows by id, the attempt rows in their order, and the database's instant."""

    deliveries: dict[int, Row]
    sessions: dict[UUID, Row]
    attempts: list[Row]
    now: datetime


def take(scene: Scene) -> Photo:
    """Read everything."""

    def read(connection: Connection) -> Photo:
        def rows(table: Table) -> list[Row]:
            return [dict(row) for row in connection.execute(select(table).order_by(table.c.id)).mappings()]

        deliveries, attempts, sessions = rows(delivery), rows(attempt), rows(session)
        now = connection.execute(select(utc_now())).scalar_one()
        return Photo(
            {row["id"]: row for row in deliveries}, {row["id"]: row for row in sessions}, attempts, now
        )

    return scene.database.read(read)


def compare(before: Photo, after: Photo, mirror: Mirror) -> None:
    """Assert that all is as in the mirror, and give the mirror the instants that the database has set."""
    assert mirror.deliveries.keys() == after.deliveries.keys(), "a delivery came or went"
    for id_, row in after.deliveries.items():
        _compare(mirror.deliveries[id_], row, after.now)
        assert (row["status"] == Status.SENDING) == (row["session"] is not None)
        if id_ in before.deliveries:
            _follows(before.deliveries[id_], row)
    assert mirror.sessions.keys() == after.sessions.keys(), "a session came or went"
    for me, row in after.sessions.items():
        _compare(mirror.sessions[me], row, after.now)
    assert before.attempts == after.attempts[: len(before.attempts)], "an attempt row was changed"
    new = after.attempts[len(before.attempts) :]
    assert _sorted(mirror.attempts) == _sorted([{name: row[name] for name in _NAMES} for row in new])


def _follows(old: Row, new: Row) -> None:
    """Assert what is true of any two moments, whatever the rules say."""
    claimed = new["status"] == Status.SENDING and new["session"] != old["session"]
    assert new["fence"] == old["fence"] + claimed, "the fence counts claims, and never falls"
    assert old["status"] != Status.SENT or new["status"] == Status.SENT, "what is sent stays so"


def _compare(expected: Row, row: Mapping[str, Any], now: datetime) -> None:
    for name, value in expected.items():
        if isinstance(value, Now) and row[name] is not None:
            assert abs((row[name] - now).total_seconds() - value.seconds) < NEAR.total_seconds(), name
            expected[name] = row[name]
    differing = {name for name, value in expected.items() if value != row[name]}
    assert {name: expected[name] for name in differing} == {name: row[name] for name in differing}


_NAMES = (
    "delivery_id",
    "fence",
    "session",
    "relay",
    "reply_code",
    "enhanced_code",
    "reply",
    "stage",
    "late",
    "verdict",
)


def _sorted(notes: list[Row]) -> list[Row]:
    return sorted(notes, key=lambda note: (note["delivery_id"], note["fence"], note["verdict"]))
