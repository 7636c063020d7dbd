"""Two emails have one payload hash exactly when they are the same mail."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from outbox.mail.address import Address
from outbox.mail.email import Attachment, Email
from outbox.mail.payload import payload_hash

SHOP = Address("Shop", "shop@example.org")
BASE: dict[str, Any] = {"to": "Ada <ada@example.org>", "subject": "s", "text": "t"}
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_the_hash_is_stable_across_releases() -> None:
    assert payload_hash(Email(**BASE), SHOP) == (
        "7e7c74694b776a46e39c83f5e47889e7184bdd414f7a99cf55d9c9e206b008f2"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"key": "k"},
        {"send_at": NOON},
        {"expires_at": NOON + timedelta(1)},
        {"tags": {"a": 1}},
        {"on_doubt": "hold"},
        {"to": [Address("Ada", "ada@EXAMPLE.org")]},
        {"headers": {}},
    ],
)
def test_what_does_not_reach_the_reader_leaves_the_hash_alone(change: dict[str, Any]) -> None:
    assert payload_hash(Email(**BASE), SHOP) == payload_hash(Email(**BASE | change), SHOP)


@pytest.mark.parametrize(
    "change",
    [
        {"to": "ada@example.org"},
        {"to": "Ada <eve@example.org>"},
        {"to": ["Ada <ada@example.org>", "eve@example.org"]},
        {"to": (), "cc": "Ada <ada@example.org>"},
        {"to": (), "bcc": "Ada <ada@example.org>"},
        {"reply_to": "ada@example.org"},
        {"subject": "st", "text": ""},
        {"text": None, "html": "t"},
        {"text": "t", "html": ""},
        {"text": "t\n"},
        {"attachments": [Attachment("a", b"b")]},
        {"attachments": [Attachment("ab", b"")]},
        {"attachments": [Attachment("a", b"b", "text/plain")]},
        {"attachments": [Attachment("a", b"b", cid="c")], "html": '<img src="cid:c">'},
        {"attachments": [Attachment("a", b"b", cid="d")], "html": '<img src="cid:d">'},
        {"calendar": "BEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR"},
        {"text": None, "subject": "", "mime": b"Subject: s\n\nt"},
        {"importance": "high"},
        {"headers": {"X-A": "b"}},
        {"headers": {"X-A": "b", "X-C": "d"}},
    ],
)
def test_whatever_the_reader_can_see_changes_the_hash(change: dict[str, Any]) -> None:
    assert payload_hash(Email(**BASE), SHOP) != payload_hash(Email(**BASE | change), SHOP)


def test_the_sender_changes_the_hash() -> None:
    other = Address("Shop", "shop@example.net")
    assert payload_hash(Email(**BASE), SHOP) != payload_hash(Email(**BASE), other)


def test_moving_a_border_between_two_values_changes_the_hash() -> None:
    made = {
        payload_hash(Email(to="ada@example.org", subject=subject, text=text), SHOP)
        for subject, text in [
            ("ab", "c"),
            ("a", "bc"),
            ("", "abc"),
            ("abc", ""),
            ("a1:b", "c"),
            ("a", "1:bc"),
        ]
    }
    assert len(made) == 6


def test_equal_headers_in_another_order_are_the_same_mail() -> None:
    first = Email(**BASE, headers={"X-A": "1", "X-B": "2"})
    second = Email(**BASE, headers={"X-B": "2", "X-A": "1"})
    assert payload_hash(first, SHOP) == payload_hash(second, SHOP)
