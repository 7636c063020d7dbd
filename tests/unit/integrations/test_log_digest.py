"""Which records of a storm become mails, in virtual time."""

import logging
import sys
from typing import Any

import pytest

from outbox.integrations.logging.digest import Kind, Tally, Window, total, written

KIND = Kind("shop", "ERROR", "order %s failed", "", "shop.py:7")


def other(number: int) -> Kind:
    return Kind("shop", "ERROR", f"fault {number}", "", "shop.py:7")


def take(window: Window, kind: Kind, now: float) -> bool:
    """Give a record to the window as the handler does; tell whether it gets a mail."""
    admitted = window.admits(kind, now)
    if not admitted:
        window.count(kind, 1_000.0 + now, lambda: f"sample at {now:g}")
    return admitted


def record(message: Any = "order %s failed", line: int = 7, level: int = logging.ERROR, **more: Any) -> Any:
    given = {"name": "shop", "pathname": "shop.py", "args": (), "exc_info": None, **more}
    return logging.LogRecord(level=level, lineno=line, msg=message, **given)


def raised(kind: type[Exception]) -> Any:
    try:
        raise kind("no")  # noqa: TRY301 - to have it raised
    except Exception:  # noqa: BLE001
        return sys.exc_info()


def raised_elsewhere(kind: type[Exception]) -> Any:
    try:
        raise kind("no")  # noqa: TRY301 - to have it raised
    except Exception:  # noqa: BLE001
        return sys.exc_info()


def test_records_are_alike_whatever_their_arguments_are() -> None:
    assert Kind.of(record(args=(1,))) == Kind.of(record(args=(2,)))
    assert Kind.of(record(exc_info=raised(ValueError))) == Kind.of(record(exc_info=raised(ValueError)))


@pytest.mark.parametrize(
    "another",
    [
        record(name="cart"),
        record(level=logging.CRITICAL),
        record(message="order %s is lost"),
        record(line=8),
        record(pathname="cart.py"),
        record(exc_info=raised(KeyError)),
        record(exc_info=raised_elsewhere(ValueError)),
        record(exc_info=(None, None, None)),
    ],
)
def test_records_differ_by_logger_level_message_place_and_exception(another: Any) -> None:
    assert Kind.of(another) != Kind.of(record(exc_info=raised(ValueError)))


def test_an_exception_that_was_never_raised_has_no_place() -> None:
    error = ValueError("no")
    assert Kind.of(record(exc_info=(ValueError, error, None))).exception == "builtins.ValueError"


def test_a_message_may_be_any_object() -> None:
    assert Kind.of(record(message=ValueError("no"))).template == "no"
    assert len(Kind.of(record(message="x" * 100_000)).template) == 500


def test_the_first_alike_are_mailed_and_the_others_become_one_digest_at_the_end_of_the_window() -> None:
    window = Window(alike=2, most=10, seconds=60)
    assert [take(window, KIND, now) for now in (0, 1, 2, 59)] == [True, True, False, False]
    assert window.ends == 60
    assert window.digest(59.9) == []
    assert window.digest(60) == [Tally(KIND, 2, 1_002, 1_059, "sample at 2")]
    assert window.ends is None
    assert window.digest(61) == []


def test_a_new_window_begins_with_the_first_record_after_the_last() -> None:
    window = Window(alike=1, most=10, seconds=60)
    assert [take(window, KIND, now) for now in (0, 59)] == [True, False]
    assert total(window.digest(60)) == 1
    assert [take(window, KIND, now) for now in (100, 159)] == [True, False]
    assert window.ends == 160


def test_a_window_in_which_nothing_was_counted_ends_without_a_digest() -> None:
    window = Window(alike=1, most=10, seconds=60)
    assert take(window, KIND, 0)
    assert window.ends is None
    assert take(window, KIND, 60)
    assert window.digest(119) == []
    assert not take(window, KIND, 119)


def test_no_more_mails_go_out_than_most_and_the_last_is_the_digest() -> None:
    window = Window(alike=5, most=3, seconds=60)
    assert [take(window, other(number), 0) for number in range(6)] == [True, True, False, False, False, False]
    assert len(window.digest(60)) == 4
    assert [take(window, other(number), 60) for number in range(4)] == [True, True, False, False]
    only = Window(alike=5, most=1, seconds=60)
    assert not take(only, KIND, 0)
    assert total(only.digest(60)) == 1


def test_a_million_kinds_are_counted_in_bounded_memory_and_written_in_a_bounded_text() -> None:
    window = Window(alike=1, most=10, seconds=60)
    mails = sum(take(window, other(number), 0) for number in range(100_000))
    tallies = window.digest(60)
    assert (mails, len(tallies), total(tallies)) == (9, 1_001, 100_000 - 9)
    text = written(tallies)
    assert text.startswith(
        "99991 records got no mail of their own.\n\n--- records of other loggers at other pl"
    )
    assert text.endswith("And 981 records of 981 more kinds.")
    assert len(text) < 5_000


def test_an_early_digest_is_one_of_the_window_s_mails_and_never_the_last() -> None:
    window = Window(alike=1, most=3, seconds=60)
    for now in (0, 1):
        take(window, KIND, now)
    assert total(window.early_digest(always=False)) == 1
    take(window, KIND, 2)
    take(window, KIND, 3)
    assert window.early_digest(always=False) == []
    assert total(window.digest(60)) == 2
    take(window, KIND, 61)
    take(window, KIND, 62)
    assert total(window.early_digest(always=False)) == 1
    take(window, KIND, 63)
    assert total(window.early_digest(always=True)) == 1


def test_without_room_for_a_mail_all_is_counted_and_a_window_begins_all_the_same() -> None:
    window = Window(alike=1, most=10, seconds=60)
    assert not window.admits(KIND, 5, room=False)
    window.count(KIND, 5, lambda: "sample")
    assert window.ends == 65
    assert window.admits(KIND, 6)


def test_a_sample_is_made_once_a_kind_and_is_cut() -> None:
    window = Window(alike=0, most=10, seconds=60)
    asked = []

    def sample() -> str:
        asked.append(1)
        return "x" * 10_000

    for _ in range(5):
        assert not window.admits(KIND, 0)
        window.count(KIND, 0, sample)
    assert (len(asked), [len(each.sample) for each in window.digest(60)]) == (1, [4_000])


def test_a_digest_says_how_often_and_when_without_the_message_s_template() -> None:
    failed = Kind("shop", "ERROR", "secret", "builtins.ValueError at pay.py:3", "shop.py:7")
    text = written([Tally(other(1), 1, 0, 0, "Fault 1"), Tally(failed, 12, 0, 61, "Order 7 failed")])
    assert text == (
        "13 records got no mail of their own.\n\n"
        "--- ERROR of shop at shop.py:7, builtins.ValueError at pay.py:3: 12 times, from 1970-01-01 00:00:00 "
        "to 1970-01-01 00:01:01 UTC. One of them:\n\nOrder 7 failed\n\n"
        "--- ERROR of shop at shop.py:7: once, at 1970-01-01 00:00:00 UTC. One of them:\n\nFault 1"
    )
