"""What is signed does not change when a relay changes white space (RFC 6376 §3.4)."""

import dkim.canonicalization
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.delivery.dkim.canonical import relaxed_body, relaxed_field
from outbox.mail.fields import Field


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"SUBJect: AbC\r\n", b"subject:AbC\r\n"),
        (b"Subject: \t a  b \t\r\n", b"subject:a b\r\n"),
        (b"Subject: a\r\n\t b\r\n c\r\n", b"subject:a b c\r\n"),
        (b"Subject:\r\n", b"subject:\r\n"),
        (b"Subject: a:b\r\n", b"subject:a:b\r\n"),
        ("Subject: grüße\r\n".encode(), "subject:grüße\r\n".encode()),
    ],
)
def test_a_field_is_one_line_with_single_spaces(raw: bytes, expected: bytes) -> None:
    assert expected == relaxed_field(Field("subject", raw))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", b""),
        (b"\r\n\r\n", b""),
        (b" \t\r\n", b""),
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C\r\nD E\r\n"),  # the RFC's own example, §3.4.5
        (b"\r\na\r\n", b"\r\na\r\n"),
        (b"x" + b" " * 9999 + b"y\r\n", b"x y\r\n"),
    ],
)
def test_a_body_has_single_spaces_and_no_empty_line_at_its_end(body: bytes, expected: bytes) -> None:
    assert expected == relaxed_body(body)


@given(st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r\n", b"\xff"]), max_size=30).map(b"".join))
def test_a_body_is_what_dkimpy_makes_of_it(body: bytes) -> None:
    ended = body if body.endswith(b"\r\n") else body + b"\r\n"
    theirs = dkim.canonicalization.Relaxed.canonicalize_body(ended)
    # Of nothing but empty lines dkimpy leaves one; the RFC leaves none (§3.4.4), and its verifier both.
    assert relaxed_body(ended) == (b"" if theirs == b"\r\n" else theirs)
