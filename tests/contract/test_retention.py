"""What has ended long ago goes, with all that is its own; what may still be sent never does."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, insert, select, update

import outbox
from outbox.mail.status import FINAL, Status
from outbox.store import retention as retaining
from outbox.store.requests import locked
from outbox.store.retention import Gone, Retention, Terms
from outbox.store.schema import attempt, delivery, message, stat
from tests.contract.aged import DAY, PAIRS, WEEK, aged, all_pages, deleted, erased, is_final, left
from tests.contract.crowd import at_once
from tests.contract.scene import Scene, ago, delivery_row, in_state

SERVERS = pytest.mark.parametrize("shared_url", ["postgresql", "mysql"], indirect=True)


def counted(scene: Scene) -> dict[tuple[str, str, str], int]:
    """Return the counts of what was deleted, by stream, relay and status, of whatever day."""
    with scene.admin.connect() as connection:
        found: dict[tuple[str, str, str], int] = {}
        for row in connection.execute(select(stat)):
            key = (row.stream, row.relay, row.status)
            found[key] = found.get(key, 0) + row.deliveries
        return found


def _each_page(pages: list[Any], work: Callable[[Terms, Any], Gone]) -> None:
    for page in pages:
        work(WEEK, page)


def test_a_mail_goes_when_all_of_its_deliveries_have_ended_whatever_their_states(scene: Scene) -> None:
    mails = {aged(scene, *pair): pair for pair in PAIRS}
    stays = {id_ for id_, pair in mails.items() if not is_final(pair)}
    assert Gone(len(mails) - len(stays), 2 * (len(mails) - len(stays))) == deleted(scene)
    assert dict.fromkeys(("message", "delivery", "attempt", "tag"), stays) == left(scene)
    assert scene.count(attempt) == 2 * len(stays)


def test_a_mail_stays_until_the_last_of_its_deliveries_is_old_enough(scene: Scene) -> None:
    aged(scene, "sent", "failed")
    young, half = aged(scene, "sent", days=6), aged(scene, "sent", "sent")
    (first, _) = [row.id for row in scene.rows() if row.message_id == half]
    scene.change(first, finished_at=ago(6 * DAY))
    assert Gone(1, 2) == deleted(scene)
    assert {half, young} == left(scene)["message"]


def test_a_body_is_erased_and_the_rows_stay(scene: Scene) -> None:
    mails = {aged(scene, *pair): pair for pair in PAIRS}
    young = aged(scene, "sent", days=6)
    before = scene.rows()
    assert sum(map(is_final, mails.values())) == erased(scene).messages
    assert before == scene.rows()
    for id_, pair in [*mails.items(), (young, ("pending",))]:
        row = scene.message(id_)
        assert (row.mime is None, row.erased_at is not None) == (is_final(pair), is_final(pair))
    assert Gone() == erased(scene)


def test_of_a_mail_without_a_body_nothing_is_written_again(scene: Scene) -> None:
    id_ = aged(scene, "sent")
    erased(scene)
    before = scene.message(id_)
    assert Gone() == erased(scene)
    assert before == scene.message(id_)


def test_what_is_deleted_is_counted_by_its_day_and_way(scene: Scene) -> None:
    for _ in range(3):
        aged(scene, "sent", "failed", relay="main")
    aged(scene, "cancelled")
    aged(scene, "expired", days=9, stream="bulk")
    days = {row.finished_at.date() for row in scene.rows()}
    deleted(scene)
    assert counted(scene) == {
        ("default", "main", "sent"): 3,
        ("default", "main", "failed"): 3,
        ("default", "", "cancelled"): 1,
        ("bulk", "", "expired"): 1,
    }
    with scene.admin.connect() as connection:
        assert days == set(connection.execute(select(stat.c.day)).scalars())


def test_a_walk_sees_each_delivery_once_also_where_many_ended_at_one_instant(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retaining, "PAGE", 3)
    for status in ("sent", "failed"):
        for _ in range(7):
            aged(scene, status)
    with scene.admin.begin() as connection:
        (instant,) = connection.execute(select(delivery.c.finished_at).limit(1)).one()
        connection.execute(update(delivery).values(finished_at=instant))
    seen = [id_ for page in all_pages(Retention(scene.database)) for id_, _ in page]
    assert sorted(row.id for row in scene.rows()) == sorted(seen)
    assert len(seen) == len(set(seen))


def test_a_walk_passes_no_delivery_again_that_came_later_and_ended_sooner(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retaining, "PAGE", 1)
    for days in (8, 9, 10):
        aged(scene, "sent", days=days)
    walk = Retention(scene.database).walk(WEEK)
    seen = [id_ for _ in range(3) for id_, _ in walk.page()]
    assert [row.id for row in scene.rows()][::-1] == seen
    assert walk.page() == []


def test_what_cannot_go_does_not_keep_what_stands_behind_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retaining, "PAGE", 2)
    stays = {aged(scene, "sent", "held", days=20) for _ in range(5)}
    for _ in range(5):
        aged(scene, "sent")
    assert deleted(scene).messages == 5
    assert stays == left(scene)["message"]


@pytest.mark.parametrize("status", sorted(FINAL))
def test_of_some_states_only_mail_goes_all_of_which_is_in_them(scene: Scene, status: Status) -> None:
    finals = sorted(FINAL)
    mails = {aged(scene, one, other): {one, other} for one in finals for other in finals}
    terms = Terms(7 * DAY, frozenset({status}))
    assert deleted(scene, terms).messages == 1
    assert {id_ for id_, its in mails.items() if its != {status}} == left(scene)["message"]


def test_of_one_stream_only_its_mail_goes(scene: Scene) -> None:
    other = aged(scene, "sent")
    aged(scene, "sent", stream="bulk")
    assert deleted(scene, Terms(7 * DAY, stream="bulk")).messages == 1
    assert {other} == left(scene)["message"]


def test_what_would_go_is_counted_and_stays(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retaining, "PAGE", 1)
    for pair in PAIRS:
        aged(scene, *pair)
    aged(scene, "sent", days=6)
    bodiless = aged(scene, "sent")
    with scene.admin.begin() as connection:
        connection.execute(update(message).where(message.c.id == bodiless).values(mime=None))
    retention = Retention(scene.database)
    pages, before = all_pages(retention), left(scene)
    finals = sum(map(is_final, PAIRS))
    for bodies, expected in ((False, Gone(finals + 1, 2 * finals + 1)), (True, Gone(finals, 2 * finals))):
        found = Gone()
        for page in pages:
            found = found.plus(retention.count(WEEK, page, bodies=bodies))
        assert expected == found
    assert before == left(scene)
    assert counted(scene) == {}


def test_two_who_delete_at_once_delete_and_count_each_once(scene: Scene, rival: Scene) -> None:
    for _ in range(40):
        aged(scene, "sent", "failed", relay="main")
    retention, other = Retention(scene.database), Retention(rival.database)
    pages = all_pages(retention)
    gone: list[Gone] = []
    at_once(
        lambda: gone.extend(retention.delete(WEEK, page) for page in pages),
        lambda: gone.extend(other.delete(WEEK, page) for page in reversed(pages)),
    )
    # What each found locked by the other is left for the next time.
    gone.append(deleted(scene))
    assert (sum(each.messages for each in gone), sum(each.deliveries for each in gone)) == (40, 80)
    assert counted(scene) == {("default", "main", "sent"): 40, ("default", "main", "failed"): 40}
    assert scene.count(delivery) == scene.count(attempt) == scene.count(message) == 0


def test_of_a_retry_and_a_deletion_at_once_one_has_the_mail(scene: Scene, rival: Scene) -> None:
    for _ in range(5):
        scene.empty()
        mails = [aged(scene, "failed") for _ in range(30)]
        retention = Retention(rival.database)
        each_page = partial(_each_page, all_pages(retention))
        tried: set[UUID] = set()

        def retry(mails: list[UUID] = mails, tried: set[UUID] = tried) -> None:
            for id_ in mails:
                with scene.application.begin() as connection:
                    changes = outbox.retry(connection, id_)
                tried.update(change.message_id for change in changes if change.done)

        at_once(retry, lambda: each_page(retention.delete))  # noqa: B023 - within the round
        # The deletion passes by what is locked, and looks at it again.
        deleted(scene)
        assert tried == left(scene)["message"]
        assert [(row.message_id in tried, row.status) for row in scene.rows()] == [(True, "pending")] * len(
            tried
        )
        assert len(mails) - len(tried) == counted(scene).get(("default", "", "failed"), 0)


def test_of_a_retry_and_an_erasure_at_once_no_mail_is_to_be_sent_without_its_body(
    scene: Scene, rival: Scene
) -> None:
    for _ in range(5):
        scene.empty()
        mails = [aged(scene, "failed") for _ in range(30)]
        retention = Retention(rival.database)
        each_page = partial(_each_page, all_pages(retention))

        def retry(mails: list[UUID] = mails) -> None:
            for id_ in mails:
                with scene.application.begin() as connection:
                    outbox.retry(connection, id_)

        at_once(retry, lambda: each_page(retention.erase))  # noqa: B023 - within the round
        erased(scene)
        for row in scene.rows():
            assert (row.status == "pending") == (scene.message(row.message_id).mime is not None)


@SERVERS
def test_a_retry_that_waits_for_an_erasure_sees_it(scene: Scene, rival: Scene) -> None:
    id_ = aged(scene, "failed")
    (only,) = scene.rows()
    with rival.admin.begin() as erasing:
        locked(erasing, [only.id])
        changes: list[outbox.Change] = []

        def retry() -> None:
            with scene.application.begin() as connection:
                # Its snapshot is from before the erasure, where the isolation has one.
                connection.execute(select(message.c.id))
                changes.extend(outbox.retry(connection, id_))

        def erase() -> None:
            erasing.execute(update(message).values(mime=None, erased_at=only.finished_at))
            erasing.commit()

        at_once(retry, erase)
    (change,) = changes
    assert (change.done, change.says) == (False, "its body is erased, so nothing can send it again")
    assert scene.row(only.id).status == "failed"


@SERVERS
def test_a_mail_of_which_somebody_has_locked_one_delivery_stays_whole(scene: Scene, rival: Scene) -> None:
    busy, free = aged(scene, "sent", "failed"), aged(scene, "sent")
    (_, one) = [row.id for row in scene.rows() if row.message_id == busy]
    with rival.application.begin() as connection:
        locked(connection, [one])
        # It is seen in each of its two states.
        assert Gone(1, 0, busy=2) == erased(scene)
        assert Gone(1, 1, busy=2) == deleted(scene)
    assert {busy} == left(scene)["message"]
    assert scene.count(delivery) == 2
    assert free not in left(scene)["delivery"]


@SERVERS
@pytest.mark.parametrize("status", ["pending", "failed"])
def test_a_mail_that_is_tried_again_between_the_look_and_the_lock_stays(
    scene: Scene, rival: Scene, status: str
) -> None:
    id_ = aged(scene, "failed")
    (only,) = scene.rows()
    todo = [lambda: rival.change(only.id, **in_state(status))]

    def after(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if todo and "AS ripe" in statement:
            todo.pop()()

    engine = scene.database.engine
    event.listen(engine, "after_cursor_execute", after)
    assert Gone(busy=1) == deleted(scene)
    event.remove(engine, "after_cursor_execute", after)
    assert list(left(scene).values()) == [{id_}] * 4
    assert counted(scene) == {}


@SERVERS
def test_a_delivery_that_comes_to_an_old_mail_meanwhile_keeps_it(scene: Scene, rival: Scene) -> None:
    id_ = aged(scene, "sent")
    retention = Retention(scene.database)
    (page,) = all_pages(retention)
    with rival.admin.begin() as connection:
        connection.execute(insert(delivery).values(delivery_row(id_, 1) | in_state("pending")))
    assert Gone() == retention.delete(WEEK, page)
    assert scene.count(delivery) == 2
