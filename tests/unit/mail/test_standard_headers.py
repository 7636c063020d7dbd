"""Threads, unsubscribing, robots and importance become the headers that their standards name."""

from typing import Any

import pytest

from outbox.errors import InvalidEmailError
from outbox.mail.email import Email


def headers_of(**fields: Any) -> dict[str, str]:
    return Email(to="ada@example.org", text="", **fields).headers


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        (
            {"in_reply_to": " <b@x.example> "},
            {"In-Reply-To": "<b@x.example>", "References": "<b@x.example>"},
        ),
        ({"references": "<a@x.example>\t <b@x.example>"}, {"References": "<a@x.example> <b@x.example>"}),
        (
            {"in_reply_to": "<a@x.example>", "references": ["<a@x.example>", "<b@x.example>"]},
            {"In-Reply-To": "<a@x.example>", "References": "<b@x.example> <a@x.example>"},
        ),
        (
            {"unsubscribe": "https://example.org/leave?u=7&t=%20"},
            {
                "List-Unsubscribe": "<https://example.org/leave?u=7&t=%20>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
        ),
        (
            {"unsubscribe": ["mailto:leave@example.org?subject=7", "https://example.org/7"]},
            {
                "List-Unsubscribe": "<mailto:leave@example.org?subject=7>, <https://example.org/7>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
        ),
        (
            {"unsubscribe": "mailto:leave@example.org"},
            {"List-Unsubscribe": "<mailto:leave@example.org>"},
        ),
        ({"auto_submitted": "auto-generated"}, {"Auto-Submitted": "auto-generated"}),
        ({"importance": "high"}, {"Importance": "high", "X-Priority": "1"}),
        ({"importance": "low"}, {"Importance": "low", "X-Priority": "5"}),
        (
            {"importance": "low", "headers": {"X-Own": "1"}},
            {"X-Own": "1", "Importance": "low", "X-Priority": "5"},
        ),
    ],
)
def test_a_parameter_is_written_as_its_headers(fields: dict[str, Any], expected: dict[str, str]) -> None:
    assert headers_of(**fields) == expected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("in_reply_to", ""),
        ("in_reply_to", "a@example.org"),
        ("in_reply_to", "<a>"),
        ("in_reply_to", "<a@b> <c@d>"),
        ("in_reply_to", "<ä@example.org>"),
        ("in_reply_to", f"<{'a' * 300}@example.org>"),
        ("in_reply_to", 7),
        ("references", ["<a@b>", "c"]),
        ("references", "a b"),
        ("references", 7),
        ("references", b"<a@b>"),
        ("references", {"<a@b>": 1}),
        ("unsubscribe", ""),
        ("unsubscribe", "http://example.org/7"),
        ("unsubscribe", "/leave"),
        ("unsubscribe", "https:///leave"),
        ("unsubscribe", "https://example.org/ü"),
        ("unsubscribe", "https://example.org/a,b"),
        ("unsubscribe", "https://example.org/a>b"),
        ("unsubscribe", "https://example.org/a b"),
        ("unsubscribe", "mailto:leave"),
        ("unsubscribe", f"https://example.org/{'a' * 900}"),
        ("unsubscribe", [None]),
        ("auto_submitted", "no"),
        ("auto_submitted", True),
        ("importance", "urgent"),
        ("importance", 1),
    ],
)
def test_another_value_is_refused_by_its_field(field: str, value: Any) -> None:
    with pytest.raises(InvalidEmailError, match=rf"^{field}: .*Give "):
        headers_of(**{field: value})


@pytest.mark.parametrize("name", ["List-Unsubscribe", "list-unsubscribe-post"])
def test_a_header_is_given_once_by_name_or_by_its_parameter(name: str) -> None:
    with pytest.raises(InvalidEmailError, match="is written by a parameter, too"):
        headers_of(unsubscribe="https://example.org/7", headers={name: "x"})


def test_a_long_thread_folds_between_its_ids() -> None:
    ids = [f"<{number}.{'a' * 60}@example.org>" for number in range(50)]
    assert headers_of(references=ids)["References"].split() == ids
