"""Whoever asks at the same moment as daemons work, or as somebody else asks, overwrites nothing."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import OperationalError

import outbox
from outbox import Change, DatabaseLockedError, Status
from outbox.store import requests
from tests.contract.crowd import at_once
from tests.contract.scene import Scene

if TYPE_CHECKING:
    from outbox.store.moves import Claim

SERVERS = pytest.mark.parametrize("shared_url", ["postgresql", "mysql"], indirect=True)


def cancelled(scene: Scene) -> list[Change]:
    with scene.application.begin() as connection:
        return outbox.cancel(connection, tag=("order", 7), who="ann")


def test_of_a_claim_and_a_cancel_at_once_one_has_each_delivery(scene: Scene, rival: Scene) -> None:
    for _ in range(5):
        scene.empty()
        ids = scene.mail(40, tags={"order": 7})
        me = rival.start()
        claims: list[Claim] = []
        changes: list[Change] = []
        at_once(
            lambda: claims.extend(claim for _ in range(8) for claim in rival.queue.claim(me, 5)),  # noqa: B023 - within the round
            lambda: changes.extend(cancelled(scene)),  # noqa: B023 - as above
        )
        taken = {claim.delivery_id for claim in claims}
        done = {change.delivery_id for change in changes if change.done}
        assert ({*ids}, set()) == (taken | done, taken & done)
        for row in scene.rows():
            assert (row.status, row.session) == (("sending", me) if row.id in taken else ("cancelled", None))
            told = [note.verdict for note in scene.attempts() if note.delivery_id == row.id]
            # A wish is written down, too.
            assert told == (["cancel"] if row.id in done or row.wish else [])


def interrupted(engine: Engine, work: Callable[[], None]) -> None:
    """Do `work` once, right after the next look at deliveries that are to be changed."""
    todo = [work]

    def after(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if todo and "doubtful" in statement.lower():
            todo.pop()()

    event.listen(engine, "after_cursor_execute", after)


@SERVERS
def test_a_claim_between_the_look_and_the_write_finds_nothing_to_take(scene: Scene, rival: Scene) -> None:
    scene.mail(3, tags={"order": 7})
    me = rival.start()
    claims: list[Claim] = []
    application = create_engine(scene.url)
    interrupted(application, lambda: claims.extend(rival.queue.claim(me, 3)))
    with application.begin() as connection:
        changes = outbox.cancel(connection, tag=("order", 7))
    application.dispose()
    assert claims == []
    assert [(change.after, change.done) for change in changes] == [(Status.CANCELLED, True)] * 3
    assert [row.status for row in scene.rows()] == ["cancelled"] * 3


@pytest.mark.parametrize("shared_url", ["sqlite"], indirect=True)
def test_an_engine_that_nobody_prepared_looks_with_the_write_lock(scene: Scene) -> None:
    (id_,) = scene.mail(1, tags={"order": 7})
    plain, other = create_engine(scene.url), create_engine(scene.url, connect_args={"timeout": 0})
    busy = []

    def claim() -> None:
        with suppress(OperationalError), other.begin() as connection:
            busy.append(1)
            connection.execute(text("UPDATE outbox_delivery SET fence = fence + 1"))
            busy.append(2)

    interrupted(plain, claim)
    with plain.begin() as connection:
        (change,) = outbox.cancel(connection, tag=("order", 7))
    assert (change.done, busy, scene.row(id_).fence) == (True, [1], 0)
    plain.dispose()
    other.dispose()


@pytest.mark.parametrize("shared_url", ["sqlite"], indirect=True)
def test_a_locked_database_is_told_with_what_to_do(scene: Scene) -> None:
    (id_,) = scene.mail()
    impatient = create_engine(scene.url, connect_args={"timeout": 0})
    with scene.application.begin(), impatient.connect() as connection:
        with pytest.raises(DatabaseLockedError, match="run this transaction again from its start"):
            outbox.cancel(connection, scene.row(id_).message_id)
        connection.rollback()
    impatient.dispose()


@SERVERS
def test_a_request_waits_for_no_row_that_it_does_not_mean(scene: Scene, rival: Scene) -> None:
    # Most of a small table: the servers would rather read all of it.
    others, wanted = scene.mail(5), scene.mail(95, tags={"order": 7})
    patience = "SET lock_timeout = 1000" if "postgresql" in scene.url else "SET innodb_lock_wait_timeout = 1"
    with rival.application.begin() as connection:
        requests.locked(connection, others)
        with scene.application.connect() as mine:
            mine.execute(text(patience))
            mine.commit()
            changes = outbox.cancel(mine, tag=("order", 7))
            mine.commit()
    assert [(id_, True) for id_ in wanted] == [(change.delivery_id, change.done) for change in changes]


def test_two_who_ask_at_once_do_it_once(scene: Scene, rival: Scene) -> None:
    scene.mail(20, tags={"order": 7})
    changes: list[Change] = []
    at_once(
        lambda: changes.extend(cancelled(scene)),
        lambda: changes.extend(cancelled(rival)),
    )
    assert sum(change.done for change in changes) == 20
    assert [note.verdict for note in scene.attempts()] == ["cancel"] * 20
