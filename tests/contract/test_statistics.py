"""How many ended a day is right whatever was deleted, tried again, or counted by two at once."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

import outbox
from outbox.store.retention import Terms
from outbox.store.schema import delivery, stat
from outbox.store.statistics import Ended, count, ended
from tests.contract.aged import aged, deleted
from tests.contract.crowd import at_once
from tests.contract.scene import Scene, in_state


def told(scene: Scene, days: int = 30) -> list[Ended]:
    return scene.database.read(lambda connection: ended(connection, days))


def test_what_was_deleted_and_what_is_there_count_together(scene: Scene) -> None:
    for days, status in ((8, "sent"), (8, "sent"), (8, "failed"), (1, "sent"), (1, "cancelled")):
        aged(scene, status, "pending", days=days, relay="main" if status == "sent" else None)
        aged(scene, status, days=days)
    before = told(scene)
    assert sum(each.deliveries for each in before) == 10
    assert deleted(scene).messages == 3
    assert before == told(scene)
    assert {(each.relay, each.status): each.deliveries for each in before if each.day == before[0].day} == {
        ("main", "sent"): 2,
        ("", "sent"): 2,
        ("", "failed"): 2,
    }


def test_only_the_last_days_are_told_today_among_them(scene: Scene) -> None:
    for days in (0, 1, 2, 8, 9):
        aged(scene, "sent", days=days)
    today = told(scene)[-1].day
    deleted(scene)
    assert {timedelta(0), timedelta(1)} == {today - each.day for each in told(scene, 2)}
    assert [each.deliveries for each in told(scene, 9)] == [1] * 4


def test_a_failed_mail_that_is_tried_again_counts_once_where_it_ends_at_last(scene: Scene) -> None:
    id_ = aged(scene, "failed")
    with scene.application.begin() as connection:
        outbox.retry(connection, id_)
    assert told(scene) == []
    (row,) = scene.rows()
    scene.change(row.id, **in_state("sent"))
    (found,) = told(scene)
    deleted(scene, Terms(0.0))
    assert (found.status, found.deliveries) == ("sent", 1)
    assert [found] == told(scene)


def test_a_name_that_differs_in_a_capital_or_a_space_is_another(scene: Scene) -> None:
    for stream in ("bulk", "Bulk", "bulk"):
        aged(scene, "sent", stream=stream)
    deleted(scene)
    assert {each.stream: each.deliveries for each in told(scene)} == {"bulk": 2, "Bulk": 1}


def test_what_each_relay_took_is_counted_by_itself(scene: Scene) -> None:
    for relay in ("main", None, "other", "main"):
        aged(scene, "sent", relay=relay)
        deleted(scene)
    assert {each.relay: each.deliveries for each in told(scene)} == {"": 1, "main": 2, "other": 1}


def test_two_who_count_at_once_lose_nothing(scene: Scene, rival: Scene) -> None:
    aged(scene, "sent", "failed", "cancelled", "expired")
    rows = scene.rows()

    def counting(mine: Scene, rows: Any) -> None:
        for _ in range(20):
            mine.database.write(lambda connection: count(connection, rows))

    at_once(lambda: counting(scene, rows), lambda: counting(rival, rows[::-1]))
    with scene.admin.connect() as connection:
        assert connection.execute(select(stat.c.deliveries)).scalars().all() == [40] * 4


@pytest.mark.parametrize("shared_url", ["postgresql"], indirect=True)
def test_a_day_is_one_in_utc_whatever_the_zone_of_the_connection(scene: Scene) -> None:
    aged(scene, "sent", days=8)
    with scene.admin.begin() as connection:
        connection.exec_driver_sql("SET LOCAL TIME ZONE 'Pacific/Kiritimati'")
        for hour in ("00:30", "23:30"):
            id_ = scene.rows()[0].message_id
            values = {"message_id": id_, "n": int(hour[:2]) + 1, "recipient": "a@example.org", "stream": "s"}
            values |= {"size": 1, "status": "sent", "finished_at": f"2026-01-02 {hour}:00+00"}
            connection.execute(insert(delivery).values(values))
        found = ended(connection, 36525)
    assert {("s", 2)} == {(each.stream, each.deliveries) for each in found if str(each.day) == "2026-01-02"}
