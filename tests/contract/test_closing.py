"""A database that is closed leaves no connection open, not even one that a thread still works on."""

import threading
from typing import Any

import pytest
from sqlalchemy import Connection, text

from outbox.store.database import Database
from tests.contract.scene import Scene


@pytest.mark.parametrize("way", ["write", "read"])
def test_a_connection_that_was_in_use_is_closed_when_its_work_is_done(scene: Scene, way: str) -> None:
    database = Database(scene.url)
    works, closed = threading.Event(), threading.Event()
    pools: list[Any] = []

    def work(connection: Connection) -> None:
        connection.execute(text("SELECT 1"))
        pools.append(connection.engine.pool)
        works.set()
        assert closed.wait(30)

    thread = threading.Thread(target=getattr(database, way), args=(work,))
    thread.start()
    assert works.wait(30)
    database.close()
    closed.set()
    thread.join(30)
    assert [(pool.checkedout(), pool.checkedin()) for pool in pools] == [(0, 0)]
