"""No control character passes, in plain sight or within an encoded word."""

from typing import Any

import pytest

from outbox.errors import InvalidEmailError
from outbox.mail import text


@pytest.mark.parametrize(
    "value", ["", "Grüße 漢字 🎉", "a=?b", "=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "=?x-none?q?a?=", "a\xa0b\u2028"]
)
def test_a_line_of_any_script_passes_unchanged(value: str) -> None:
    assert value == text.line("subject", value)


@pytest.mark.parametrize("code", [*range(32), 127])
def test_fault_71_every_control_character_is_refused_by_name(code: int) -> None:
    with pytest.raises(InvalidEmailError, match=r"^subject: has the control character .* at position 1"):
        text.line("subject", f"a{chr(code)}b")


@pytest.mark.parametrize(
    "word",
    [
        "=?utf-8?q?a=0D=0ABcc:_eve@example.org?=",
        "=?utf-8?q?a=0aBcc:_eve@example.org?=",
        "=?UTF-8?Q?a=0D=0A?=",
        "=?utf-8?b?YQ0KQmNjOiBl?=",
        "=?utf-8*en?q?=0A?=",
        "=?utf-7?q?+AA0ACg-?=",
        "=?utf-16?b?//4KAA==?=",
        "=?no-such-charset?q?=0A?=",
        "=?unicode_escape?q?=5Cn?=",
        "=?utf-8?q?=00?=",
        "=?utf-8?q?a b=0A?=",
        "=?utf-8?q?a?b=0A?=",
    ],
)
def test_a_control_character_is_found_within_an_encoded_word(word: str) -> None:
    with pytest.raises(InvalidEmailError, match="encoded word"):
        text.line("subject", f"Hello {word} there")


def test_half_a_character_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidEmailError, match=r"lone surrogate, '.udc80', at position 2"):
        text.plain("text", "ab\udc80")


@pytest.mark.parametrize("value", [None, 1, b"bytes", ["a"]])
def test_only_strings_are_text(value: Any) -> None:
    with pytest.raises(InvalidEmailError, match="is not a string"):
        text.plain("text", value)


def test_a_subclass_that_escapes_what_it_is_joined_to_is_unwrapped() -> None:
    class Markup(str):
        __slots__ = ()

    assert type(text.plain("html", Markup("<b>"))) is str


def test_a_body_may_hold_what_a_header_may_not() -> None:
    assert text.plain("text", "a\r\n\tb\x00") == "a\r\n\tb\x00"


@pytest.mark.parametrize("payload", ["DQpCY2M6IGFAYi5jZA", "DQpC!Y2M6IGFAYi5jZA=", "DQpC-"])
def test_a_control_character_hides_in_no_base64_that_a_lenient_reader_reads(payload: str) -> None:
    with pytest.raises(InvalidEmailError, match="control character"):
        text.line("subject", f"=?utf-8?b?{payload}?=")
