"""Error mails by way of the outbox, beside an application whose transactions roll back, lock and fail."""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from outbox.integrations.logging import OutboxHandler
from outbox.testing import Captured
from tests.integrations.handlers import Clock, quiet, stored, threaded
from tests.support.waiting import wait_until


def test_an_error_whose_transaction_rolls_back_is_mailed(engine: Engine, logger: logging.Logger) -> None:
    handler = threaded(engine, logger)
    with engine.connect() as connection:
        connection.execute(text("INSERT INTO outbox_suppression (address, why) VALUES ('a@b.example', 'x')"))
        try:
            connection.execute(text("nonsense"))
        except DBAPIError:
            logger.exception("order %s failed", 7)
        connection.rollback()
    handler.flush()
    assert stored(engine) == ["Shop failed"]
    assert not hasattr(handler, "faults")
    with engine.connect() as connection:
        mime = connection.execute(text("SELECT mime FROM outbox_message")).scalar_one()
        assert connection.execute(text("SELECT count(*) FROM outbox_suppression")).scalar() == 0
    assert b"order 7 failed" in mime
    assert b"Traceback" in mime
    assert b"Auto-Submitted: auto-generated" in mime


def test_logging_does_not_wait_for_a_database_that_is_locked(engine: Engine, logger: logging.Logger) -> None:
    handler = threaded(engine, logger, timeout=0.05)
    with engine.begin():  # on SQLite this has the write lock
        logger.error("order failed")
        handler.flush()
        assert [type(each) for each in handler.faults] == [TimeoutError]
    handler.timeout = 20
    handler.flush()
    assert stored(engine) == ["Shop failed"]


def test_the_threads_end_when_there_is_nothing_to_wait_for(engine: Engine, logger: logging.Logger) -> None:
    def is_there() -> bool:
        return any(thread.name == "outbox-log-mails" for thread in threading.enumerate())

    handler = threaded(engine, logger)
    assert not is_there()
    logger.error("one")
    handler.flush()
    wait_until(lambda: not is_there(), "the thread has ended")
    logger.error("two")
    handler.flush()
    assert len(stored(engine)) == 2


def test_the_digest_goes_out_by_itself_when_the_window_ends(engine: Engine, logger: logging.Logger) -> None:
    clock = Clock()
    handler = threaded(engine, logger, clock=clock, window=1)
    for number in range(5):
        logger.error("order %s failed", number)
    handler.flush()
    wait_until(lambda: stored(engine) == ["Shop failed", "Shop failed (4 more)"], "both are stored")
    logger.error("order %s failed", 5)
    clock.now = 1.0  # the thread waits at most a second, and looks at this clock
    wait_until(lambda: len(stored(engine)) == 3, "the digest of the window is stored")


def test_a_storm_in_many_threads_gives_a_bounded_number_of_mails(
    engine: Engine, logger: logging.Logger
) -> None:
    handler = threaded(engine, logger, most=4)

    def storm(number: int) -> None:
        for each in range(2_000):
            logger.error("order %s failed %s", number, each)
            logger.error(f"order {each} failed")  # noqa: G004 - as people do

    threads = [threading.Thread(target=storm, args=[number]) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    handler.close()
    *own, digest = stored(engine)
    assert own == ["Shop failed"] * 3
    assert digest == "Shop failed (19997 more)"


def test_records_are_mailed_and_counted_in_virtual_time(engine: Engine, messages: Captured) -> None:
    handler = quiet(engine, alike=2, window=60, stream="alerts")
    for now in (0, 10, 20, 59):
        handler._clock.now = now  # type: ignore[attr-defined] # the test's own
        handler.handle(
            logging.makeLogRecord({"name": "shop", "msg": "order %s", "args": (now,), "created": now})
        )
        assert handler.turn() == (None if now < 20 else 60 - now)
    assert [each.text for each in messages] == ["order 0", "order 10"]
    handler._clock.now = 60  # type: ignore[attr-defined] # the test's own
    assert handler.turn() is None
    digest = messages.one(subject="Shop failed (2 more)", stream="alerts", to=["ops@example.org"])
    assert "2 times, from 1970-01-01 00:00:20 to 1970-01-01 00:00:59 UTC. One of them:\n\norder 20" in (
        digest.text or ""
    )


def test_a_digest_is_sent_by_flush_if_a_mail_can_be_spared_and_in_any_case_by_close(
    engine: Engine, messages: Captured
) -> None:
    handler = quiet(engine, most=3, timeout=5, start=_no_threads)
    for _ in range(2):
        handler.handle(logging.makeLogRecord({"name": "shop", "msg": "no"}))
    handler.flush()
    assert [each.subject for each in messages] == ["Shop failed", "Shop failed (1 more)"]
    handler.handle(logging.makeLogRecord({"name": "shop", "msg": "no"}))
    handler.flush()
    assert len(messages) == 2
    handler.close()
    assert len(messages) == 3
    handler.close()
    assert len(messages) == 3


def _no_threads(_: Callable[[], None]) -> None:
    raise RuntimeError("can't start new thread at interpreter shutdown")


def test_what_the_outbox_and_its_database_log_is_never_mailed(engine: Engine, messages: Captured) -> None:
    handler = quiet(engine)
    for name in ("outbox", "outbox.delivery"):
        handler.handle(logging.makeLogRecord({"name": name, "msg": "no"}))
    handler.handle(logging.makeLogRecord({"name": "outboxes", "msg": "yes"}))
    alchemy = logging.getLogger("sqlalchemy.engine")
    alchemy.addHandler(handler)
    alchemy.setLevel(logging.INFO)
    try:
        handler.turn()
        handler.turn()
    finally:
        alchemy.removeHandler(handler)
        alchemy.setLevel(logging.NOTSET)
    assert messages.one().text == "yes"


def test_nothing_raises_into_the_application(engine: Engine, messages: Captured) -> None:
    handler = quiet(engine)
    handler.handle(logging.makeLogRecord({"name": "shop", "msg": "%d", "args": ("no number",)}))
    assert [type(each) for each in handler.faults] == [TypeError]
    handler.handle(logging.makeLogRecord({"name": "shop", "msg": "half \udc80 a letter", "lineno": 7}))
    handler.handle(logging.makeLogRecord({"name": "shop", "msg": "x" * 1_000_000, "lineno": 8}))
    handler.turn()
    assert [len(each.text or "") for each in messages] == [20, 200_000]
    assert messages[0].text == "half \\udc80 a letter"
    assert len(handler.faults) == 1


def test_the_subject_is_a_method_as_that_of_smtphandler_and_its_lines_are_joined(
    engine: Engine, messages: Captured
) -> None:
    class ByMessage(OutboxHandler):
        def getSubject(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
            return record.getMessage()

    options: Any = {"start": lambda _: None}
    handler = ByMessage(engine, "app@example.org", "ops@example.org", "Shop failed", **options)
    handler.handle(logging.makeLogRecord({"name": "shop", "msg": "two\nlines\x00" + "x" * 300}))
    handler.turn()
    assert messages[0].subject == "two lines " + "x" * 190


def test_a_formatter_says_all_that_is_mailed_of_a_message(engine: Engine, messages: Captured) -> None:
    handler = quiet(engine)
    handler.setFormatter(logging.Formatter("%(levelname)s at %(lineno)s"))
    for _ in range(2):
        handler.handle(
            logging.makeLogRecord({"name": "shop", "msg": "password hunter2", "levelname": "ERROR"})
        )
    handler._clock.now = 1_000  # type: ignore[attr-defined] # the test's own
    handler.turn()
    assert len(messages) == 2
    messages.none(contains="hunter2")


def test_a_forked_child_sends_what_is_its_own_and_nothing_of_its_parent(
    engine: Engine, messages: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = quiet(engine)
    for _ in range(2):
        handler.handle(logging.makeLogRecord({"name": "shop", "msg": "of the parent"}))
    parent = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    handler.flush()
    handler.turn()
    messages.none()
    handler.handle(logging.makeLogRecord({"name": "shop", "msg": "of the child"}))
    handler.turn()
    assert messages.one().text == "of the child"


FORKING = """
import logging, os, sys
from outbox.integrations.logging import OutboxHandler

logger = logging.getLogger("shop")
logger.addHandler(OutboxHandler(sys.argv[1], "app@example.org", "ops@example.org", "Shop failed"))
logger.error("of the parent")
logger.error("of the parent")
child = os.fork()
logger.error("of the child" if not child else "of the parent too")
if child:
    os.waitpid(child, 0)
"""


def test_both_sides_of_a_real_fork_end_with_all_their_mail_stored(engine: Engine, sqlite_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKING, sqlite_url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    with engine.connect() as connection:
        mimes = connection.execute(text("SELECT mime FROM outbox_message")).scalars().all()
    words = ("of the parent\r\n", "of the parent too\r\n", "of the child\r\n")
    assert sorted(sum(word.encode() in mime for mime in mimes) for word in words) == [1, 1, 2]
