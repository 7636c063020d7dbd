"""What docs/guarantees.md tells a person to do about a mail that waits for one works on each database."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from outbox.mail.status import Lane, Move, Status
from tests.contract.ends import record, settlement
from tests.contract.scene import Scene
from tests.support.users import migrated

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guarantees.md"
WAITING = [Status.IN_DOUBT, Status.HELD]


def _statement(word: str) -> str:
    (block,) = (
        found
        for found in re.findall(r"```sql\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
        if word in found
    )
    return str(block)


@pytest.fixture
def parked(database_url: str) -> Iterator[Scene]:
    """Give a store with a mail in each state in which it waits for a person, after three crashes."""
    migrated(database_url)
    scene = Scene(database_url)
    for status, id_ in zip(WAITING, scene.mail(2), strict=True):
        scene.change(id_, status=status, lane=Lane.ALONE, rescues=3, doubts=3, reason="poison")
    yield scene
    scene.close()


def _tell(scene: Scene, word: str) -> None:
    statement = _statement(word)
    if scene.application.dialect.name == "mysql":
        statement = re.sub(r"CURRENT_TIMESTAMP  -- MariaDB: (.*)", r"\1", statement)
    with scene.application.begin() as connection:
        for row in scene.rows():
            assert connection.execute(text(statement.rstrip().rstrip(";")), {"id": row.id}).rowcount == 1


def test_what_a_person_lets_go_again_is_sent_as_any_other(parked: Scene) -> None:
    _tell(parked, "'pending'")
    me = parked.start()
    claims = parked.queue.claim(me, 2)
    assert [claim.lane for claim in claims] == [Lane.FRESH] * 2
    record(parked.queue, me, [settlement(claim, Move.DOUBT_RESEND) for claim in claims])
    assert [row.status for row in parked.rows()] == [Status.PENDING] * 2


def test_what_a_person_ends_is_finished(parked: Scene) -> None:
    _tell(parked, "'sent'")
    assert [(row.status, row.reason) for row in parked.rows()] == [(Status.SENT, "person")] * 2
    assert all(row.finished_at is not None for row in parked.rows())
    assert parked.queue.claim(parked.start(), 2) == []
