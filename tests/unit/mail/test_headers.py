"""An application sets its own headers, and none of ours."""

from typing import Any

import pytest

from outbox.errors import InvalidEmailError
from outbox.mail.headers import MAX_WORD, checked_headers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Campaign", "spring"),
        ("List-Unsubscribe", f"<https://example.org/{'u' * 800}>"),
        ("X-Note", "Grüße"),
        ("X-JSON", '{"a":  "b"}'),
        ("In-Reply-To", "<1@example.org>"),
        ("X-Long", "word " * 1000 + "end"),
    ],
)
def test_an_own_header_is_kept_as_it_is(name: str, value: str) -> None:
    assert {name: value} == checked_headers({name: value})


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("From", "sender"),
        ("Sender", "sender"),
        ("To", "to"),
        ("cc", "cc"),
        ("BCC", "bcc"),
        ("Reply-To", "reply_to"),
        ("Subject", "subject"),
        ("Date", "send_at"),
        ("Message-Id", "key"),
        ("MIME-Version", "attachments"),
        ("Content-Type", "attachments"),
        ("content-anything", "attachments"),
        ("Return-Path", "sender"),
        ("Received", "relays"),
        ("DKIM-Signature", "relay"),
        ("ARC-Seal", "relays"),
        ("Resent-To", "forwards"),
        ("Authentication-Results", "receivers"),
    ],
)
def test_a_header_of_ours_is_answered_with_the_parameter_to_use(name: str, parameter: str) -> None:
    with pytest.raises(InvalidEmailError, match=rf"(?i)'{name}'.*\b{parameter}\b"):
        checked_headers({name: "x"})


@pytest.mark.parametrize("name", ["", "X Y", "X:", "X-Ü", "X\r\nBcc", "X\x00", "x" * 65, 1, None])
def test_what_is_no_header_name_is_refused(name: Any) -> None:
    with pytest.raises(InvalidEmailError, match="is not a header name"):
        checked_headers({name: "x"})


@pytest.mark.parametrize(
    "value",
    ["", " ", "a\r\nBcc: eve@example.org", "a\n b", "a\tb", "a\x00", "\ud800", "=?utf-8?b?Cg==?=", None, 3],
)
def test_a_value_that_is_not_one_line_is_refused_under_its_header(value: Any) -> None:
    with pytest.raises(InvalidEmailError, match=r"^headers\['X-Own'\]: "):
        checked_headers({"X-Own": value})


def test_fault_74_a_word_that_no_line_can_hold_is_refused() -> None:
    with pytest.raises(InvalidEmailError, match="without a break"):
        checked_headers({"X-Own": "u" * (MAX_WORD + 1)})


def test_a_url_beyond_ascii_is_refused_because_encoded_words_would_break_it() -> None:
    with pytest.raises(InvalidEmailError, match="Percent-encode"):
        checked_headers({"List-Unsubscribe": "<https://bücher.example>"})


def test_one_header_in_two_spellings_is_refused() -> None:
    with pytest.raises(InvalidEmailError, match="twice"):
        checked_headers({"X-Own": "a", "x-own": "b"})


@pytest.mark.parametrize("headers", [None, [("X-Own", "a")], "X-Own: a"])
def test_only_a_mapping_holds_headers(headers: Any) -> None:
    with pytest.raises(InvalidEmailError, match=r"^headers: "):
        checked_headers(headers)
