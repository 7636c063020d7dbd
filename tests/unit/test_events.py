"""Every event has a name, a level and its fields, and none carries what a mail says."""

import inspect
import logging
import pickle
from importlib import import_module
from pkgutil import iter_modules
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import OperationalError

from outbox import events
from outbox.events import record
from outbox.mail.verdict import Answer

SECRET = "ann@example.org"
FAULT = OperationalError("INSERT INTO t VALUES (%s)", {"to": SECRET}, Exception("server  has\ngone away"))


class Fault:
    reason = "connect: \n refused" + "x" * 500
    stage = "connect"


class Failed:
    delivery_id, message_id, recipient, relay, delay = 3, UUID(int=3), SECRET, "mx", 300.0
    stage = "RCPT TO"
    answer = Answer(550, "5.1.1", f"{SECRET} is unknown")
    detail = f"RCPT TO: 550 5.1.1 {SECRET} is unknown"


VALUES: dict[str, Any] = {
    "settlement": Failed(),
    "session": UUID(int=1),
    "lost": UUID(int=1),
    "successor": UUID(int=2),
    "fault": Fault(),
    "error": FAULT,
    "reason": "it hung",
    "answer": "250 Ok",
    "detail": "somebody complained",
    "path": "/var/lib/outbox/journal",
    "file": "00000001.journal",
    "because": "it is of another database",
    "wait": 1.5,
}
"""What the parameters of events are tried with; all others with a number."""

EVENTS = [getattr(events, name) for name in events.__all__]


def say(function: Any) -> None:
    function(**{name: VALUES.get(name, 3) for name in inspect.signature(function).parameters})


def test_every_event_stands_in_the_one_list() -> None:
    modules = [import_module(f"{events.__name__}.{each.name}") for each in iter_modules(events.__path__)]
    written = {
        name
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ != record.__name__ and not name.startswith("_")
    }
    assert sorted(written) == events.__all__


@pytest.mark.parametrize("function", EVENTS, ids=lambda function: function.__name__)
def test_an_event_is_one_record_of_its_name_on_one_line(
    function: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "outbox"):
        say(function)
    (told,) = caplog.records
    assert told.__dict__["outbox"]["event"] == function.__name__
    assert SECRET not in f"{told.getMessage()} {told.__dict__['outbox']}"
    assert told.levelno >= (logging.DEBUG if function is events.delivery_deferred else logging.INFO)
    if told.exc_info is None:
        assert len(told.getMessage().splitlines()) == 1
        assert len(told.getMessage()) < 500


@pytest.mark.parametrize("function", EVENTS, ids=lambda function: function.__name__)
def test_every_parameter_reaches_the_fields(function: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "outbox"):
        say(function)
    fields = caplog.records[0].__dict__["outbox"]
    words = " ".join(map(str, fields.values()))
    for name in set(inspect.signature(function).parameters) - {"error", "fault", "settlement"}:
        assert str(VALUES.get(name, 3)) in words, name


def test_an_error_of_the_database_is_told_without_the_mail_that_it_was_about(
    caplog: pytest.LogCaptureFixture,
) -> None:
    events.record_failed(FAULT, 7)
    (told,) = caplog.records
    assert told.getMessage() == "7 verdicts wait to be written: server has gone away"
    assert SECRET not in str(told.__dict__)


def test_a_fault_of_our_own_comes_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    error = ZeroDivisionError("oops")
    events.sender_failed(error)
    (told,) = caplog.records
    assert told.levelno == logging.ERROR
    assert told.exc_info is not None
    assert told.exc_info[1] is error


def test_whoever_asks_finds_what_the_relay_has_said_in_full(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "outbox"):
        events.delivery_failed(Failed())
    words = caplog.records[0].__dict__["outbox"]["reason"]
    assert (words, words.whole) == ("RCPT TO: 550 5.1.1", Failed.detail)
    assert pickle.loads(pickle.dumps(words)).whole == Failed.detail  # noqa: S301 - our own
