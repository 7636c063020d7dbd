"""Error mails by way of the outbox, beside an application whose transactions roll back, lock and fail."""

import logging
import logging.config
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.event import listen
from sqlalchemy.exc import DBAPIError, OperationalError

from outbox import InvalidEmailError
from outbox.errors import InvalidValueError, UnusableConnectionError
from outbox.integrations.logging import OutboxHandler
from outbox.testing import Captured, captured
from tests.support.waiting import wait_until


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Kept(OutboxHandler):
    """Keeps what would be printed."""

    faults: list[BaseException | None]

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002 - logging's name
        self.faults = [*getattr(self, "faults", []), sys.exc_info()[1]]


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("shop")
    logger.propagate = False
    yield logger
    logger.propagate = True
    for handler in [*logger.handlers]:
        logger.removeHandler(handler)
        handler.close()


@pytest.fixture
def messages() -> Iterator[Captured]:
    with captured() as messages:
        yield messages


def quiet(engine: Engine, **options: Any) -> Kept:
    """Give a handler whose turns a test takes itself, in virtual time."""
    options = {"clock": Clock(), "start": lambda _: None, "timeout": 0, **options}
    return Kept(engine, "app@example.org", ["ops@example.org"], "Shop failed", **options)


def threaded(engine: Engine, logger: logging.Logger, **options: Any) -> Kept:
    handler = Kept(engine, "app@example.org", ["ops@example.org"], "Shop failed", **options)
    logger.addHandler(handler)
    return handler


def stored(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(
            connection.execute(text("SELECT subject FROM outbox_message ORDER BY created_at")).scalars()
        )


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


def test_a_configuration_of_logging_names_the_class_and_a_url(engine: Engine, sqlite_url: str) -> None:
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {
                "mail": {
                    "class": "outbox.integrations.logging.OutboxHandler",
                    "level": "ERROR",
                    "engine": sqlite_url,
                    "fromaddr": "app@example.org",
                    "toaddrs": ["ops@example.org"],
                    "subject": "Shop failed",
                }
            },
            "loggers": {"shop.configured": {"handlers": ["mail"]}},
        }
    )
    logger = logging.getLogger("shop.configured")
    logger.warning("not mailed")
    logger.error("mailed")
    [handler] = logger.handlers
    handler.close()
    logger.removeHandler(handler)
    assert stored(engine) == ["Shop failed"]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"toaddrs": "ops"}, InvalidEmailError),
        ({"fromaddr": "app"}, InvalidEmailError),
        ({"alike": -1}, InvalidValueError),
        ({"most": 0}, InvalidValueError),
        ({"window": 0}, InvalidValueError),
        ({"engine": "mail.example.org"}, UnusableConnectionError),
        ({"engine": ("mail.example.org", 25)}, UnusableConnectionError),
    ],
)
def test_what_cannot_work_is_told_when_the_handler_is_made(changed: Any, error: type[Exception]) -> None:
    right = {
        "engine": "sqlite://",
        "fromaddr": "app@example.org",
        "toaddrs": "ops@example.org",
        "subject": "Failed",
    }
    told = f"^{next(iter(changed)).removesuffix('addrs')[:4]}|^to|^sender|^This is no URL"
    with pytest.raises(error, match=told) as raised:
        Kept(**{**right, **changed})
    assert raised.value.__traceback__ is not None  # and so the half-made handler is still there
    # What logging flushes when the process ends.
    flushed = [reference() for reference in logging._handlerList]  # type: ignore[attr-defined]
    assert not [each for each in flushed if isinstance(each, Kept) and not hasattr(each, "_courier")]


def test_a_url_names_the_driver_that_we_install_and_a_fault_shows_no_mail() -> None:
    handler = OutboxHandler("mysql://db.example.org/shop", "app@example.org", "ops@example.org", "Failed")
    assert handler._engine.dialect.driver == "pymysql"
    assert handler._engine.hide_parameters
    handler.close()
