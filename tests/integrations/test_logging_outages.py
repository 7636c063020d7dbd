"""Error mails wait for a database that is away, refuses or is silent: not for ever, and not all of them."""

import logging
import threading
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.event import listen
from sqlalchemy.exc import OperationalError

from outbox.integrations.logging import OutboxHandler
from outbox.testing import Captured
from tests.integrations.handlers import Kept, quiet
from tests.support.waiting import wait_until


def test_what_the_database_refuses_is_kept_and_tried_again(messages: Captured) -> None:
    away = create_engine("sqlite:////nowhere/there/is.sqlite3")
    handler = quiet(away)
    handler.handle(logging.makeLogRecord({"name": "shop", "msg": "one"}))
    assert [handler.turn(), handler.turn()] == [30.0, 30.0]
    assert len(handler.faults) == 1  # once an outage
    handler._engine = create_engine("sqlite://")
    assert handler.turn() is None
    assert messages.one().text == "one"
    assert handler.turn() is None
    assert len(messages) == 1
    handler._engine.dispose()


def test_a_database_that_is_away_is_told_as_logging_tells_its_faults(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options: Any = {"start": lambda _: None}
    handler = OutboxHandler("sqlite:////nowhere/is.sqlite3", "a@b.example", "ops@b.example", "No", **options)
    handler.handle(logging.makeLogRecord({"name": "shop", "msg": "one"}))
    handler.turn()
    told = capsys.readouterr().err
    assert "unable to open database file" in told
    assert "Message: 'log mails could not be enqueued, and are tried again'" in told


def test_a_database_that_refuses_is_not_waited_for_at_the_end(messages: Captured) -> None:
    handler = Kept(
        create_engine("sqlite:////nowhere/is.sqlite3"), "a@b.example", "ops@b.example", "No", timeout=1e4
    )
    handler.handle(logging.makeLogRecord({"name": "shop", "msg": "one"}))
    handler.flush()
    handler.close()
    assert [type(each) for each in handler.faults] == [OperationalError, TimeoutError, TimeoutError]
    assert len(messages) == 0


def test_a_database_that_is_silent_is_waited_for_once_at_the_end(engine: Engine, messages: Captured) -> None:
    answers = threading.Event()
    listen(engine, "begin", lambda _: answers.wait())
    handler = Kept(engine, "a@b.example", "ops@b.example", "No", timeout=0.05)
    handler.handle(logging.makeLogRecord({"name": "shop", "msg": "one"}))
    handler.flush()
    handler.timeout = 1e4
    handler.close()
    assert [str(each) for each in handler.faults] == ["not done within 0.05 s", "not done within 0 s"]
    answers.set()
    wait_until(lambda: len(messages) == 1, "it is stored all the same")


def test_while_the_database_is_away_a_hundred_mails_wait_and_the_rest_is_counted(messages: Captured) -> None:
    handler = quiet(create_engine("sqlite:////nowhere/there/is.sqlite3"), most=1_000, alike=1_000)
    for _ in range(150):
        handler.handle(logging.makeLogRecord({"name": "shop", "msg": "no"}))
    handler._clock.now = 1_000  # type: ignore[attr-defined] # the test's own
    assert handler.turn() == 30.0
    handler._engine = create_engine("sqlite://")
    assert handler.turn() == 0.0
    assert handler.turn() is None
    assert len(messages) == 101
    messages.one(subject="Shop failed (50 more)")
    handler._engine.dispose()
