"""What docs/guarantees.md tells a person to do about a mail that waits for one works on each database."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

import outbox
from outbox.mail.status import Lane, Move, Status
from tests.contract.ends import record, settlement
from tests.contract.scene import Scene
from tests.support.users import migrated

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guarantees.md"
WAITING = [Status.IN_DOUBT, Status.HELD]


def _block(language: str) -> str:
    """Return the block in this language from the section on what waits for a person."""
    _, section = PAGE.read_text("utf-8").split("## What waits for a person")
    (block,) = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
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


def test_what_a_person_lets_go_by_sql_is_sent_as_any_other(parked: Scene) -> None:
    statement = _block("sql").rstrip().rstrip(";")
    with parked.application.begin() as connection:
        for row in parked.rows():
            assert connection.execute(text(statement), {"id": row.id}).rowcount == 1
    me = parked.start()
    claims = parked.queue.claim(me, 2)
    assert [claim.lane for claim in claims] == [Lane.FRESH] * 2
    record(parked.queue, me, [settlement(claim, Move.DOUBT_RESEND) for claim in claims])
    assert [row.status for row in parked.rows()] == [Status.PENDING] * 2


def test_what_a_person_says_by_the_verbs_is_done(parked: Scene) -> None:
    (other,) = parked.mail()
    doubtful, held, _ = (row.message_id for row in parked.rows())
    names = {
        "outbox": outbox,
        "Session": Session,
        "engine": parked.application,
        "held_id": held,
        "doubtful_id": doubtful,
        "other_id": parked.row(other).message_id,
    }
    exec(_block("python"), names)  # noqa: S102 - the block is what is tested
    assert [(row.status, row.reason) for row in parked.rows()] == [
        (Status.SENT, "person"),
        (Status.PENDING, "person"),
        (Status.CANCELLED, "person"),
    ]
    assert [claim.lane for claim in parked.queue.claim(parked.start(), 3)] == [Lane.FRESH]
