"""The queue's options mean one thing on every host and database."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from outbox.errors import InvalidEmailError
from outbox.mail.options import checked_expiry, checked_key, checked_on_doubt, checked_tags, checked_time
from outbox.mail.status import OnDoubt

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("key", [None, "a", "receipt-4711", "ü" * 100, " space ends ", "x" * 200])
def test_a_key_of_up_to_200_bytes_is_kept_byte_by_byte(key: str | None) -> None:
    assert key == checked_key(key)


@pytest.mark.parametrize(
    "key", ["", "x" * 201, "ü" * 101, "a\nb", "a\x00", "a\x7f", "a\x85", "\udfff", 4711, b"a"]
)
def test_a_key_that_no_index_can_hold_is_refused(key: Any) -> None:
    with pytest.raises(InvalidEmailError, match=r"^key: "):
        checked_key(key)


@pytest.mark.parametrize("value", [None, NOON, NOON.astimezone(timezone(timedelta(hours=5)))])
def test_an_aware_time_is_kept(value: datetime | None) -> None:
    assert value == checked_time("send_at", value)


@pytest.mark.parametrize(
    "value", [NOON.replace(tzinfo=None), date(2026, 5, 1), "2026-05-01", 0, timedelta(1)]
)
def test_a_time_that_is_not_one_instant_is_refused_with_the_remedy(value: Any) -> None:
    with pytest.raises(InvalidEmailError, match=r"^send_at: .*aware datetime"):
        checked_time("send_at", value)


def test_a_mail_may_expire_only_after_it_is_due() -> None:
    later = NOON + timedelta(seconds=1)
    assert later == checked_expiry(NOON, later)
    assert later == checked_expiry(None, later)
    with pytest.raises(InvalidEmailError, match=r"^expires_at: .*send_at"):
        checked_expiry(NOON, NOON)


def test_naming_a_choice_is_as_good_as_the_choice() -> None:
    assert checked_on_doubt("assume_sent") is checked_on_doubt(OnDoubt.ASSUME_SENT) is OnDoubt.ASSUME_SENT


@pytest.mark.parametrize("value", [None, "", "Resend", 1, []])
def test_an_unknown_choice_lists_the_choices(value: Any) -> None:
    with pytest.raises(InvalidEmailError, match=r"^on_doubt: .*'resend', 'hold', 'assume_sent'"):
        checked_on_doubt(value)


@pytest.mark.parametrize(
    "tags", [None, {}, {"order": 7}, {"a": [1, {"b": None}], "ü": "\\u0000", "c": "\\\\"}]
)
def test_tags_are_a_json_object(tags: Any) -> None:
    assert tags == checked_tags(tags)


@pytest.mark.parametrize(
    "tags",
    [
        [1],
        "a",
        {1: 2},
        {"a": object()},
        {"a": float("nan")},
        {"a": b"x"},
        {"a": "\ud800"},
        {"a": "\x00"},
        {"a": "\\\x00"},
        {"\x00": 1},
        {"at": NOON},
    ],
)
def test_tags_that_some_database_refuses_are_refused_at_the_call(tags: Any) -> None:
    with pytest.raises(InvalidEmailError, match=r"^tags: "):
        checked_tags(tags)


def test_tags_that_contain_themselves_are_refused() -> None:
    tags: dict[str, Any] = {}
    tags["self"] = tags
    with pytest.raises(InvalidEmailError, match=r"^tags: "):
        checked_tags(tags)


def test_tags_are_a_copy_that_later_changes_do_not_reach() -> None:
    inner = [1]
    checked = checked_tags({"a": inner})
    inner.append(2)
    assert checked == {"a": [1]}


@pytest.mark.parametrize(
    "text", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00", "1969-12-31T23:00:00Z"]
)
def test_a_time_that_a_database_could_not_hold_is_refused(text: str) -> None:
    with pytest.raises(InvalidEmailError, match="send_at: lies outside the years 1970 to 9998"):
        checked_time("send_at", datetime.fromisoformat(text))
