"""An attachment has a name, bytes, and a type that is the same on every host."""

from typing import Any

import pytest

from outbox.errors import InvalidEmailError
from outbox.mail.attachment import Attachment


@pytest.mark.parametrize(
    ("filename", "content", "expected"),
    [
        ("receipt.pdf", b"%PDF", "application/pdf"),
        ("RECEIPT.PDF", b"%PDF", "application/pdf"),
        ("a.tar.gz", b"", "application/gzip"),
        ("übersicht.csv", "ä;ö".encode(), "text/csv; charset=utf-8"),
        ("latin.csv", "ä;ö".encode("latin-1"), "text/csv"),
        ("mail.eml", b"", "application/octet-stream"),
        ("README", b"", "application/octet-stream"),
    ],
)
def test_the_type_follows_from_the_file_name(filename: str, content: bytes, expected: str) -> None:
    assert expected == Attachment(filename, content).content_type


@pytest.mark.parametrize("value", ["text/csv; charset=latin-1", "application/x-foo", 'text/x; a="b c"; d=e'])
def test_a_given_type_is_kept(value: str) -> None:
    assert value == Attachment("a.pdf", b"", value).content_type


@pytest.mark.parametrize(
    "value",
    [
        "",
        "pdf",
        "text/",
        "/x",
        "text/x;",
        "text/x; a",
        "text/x\r\nBcc: e@x.org",
        'a/b; c="\\"',
        "a/b; c=ü",
        "multipart/mixed",
        "message/rfc822",
        "Message/RFC822",
        "a/" + "b" * 300,
    ],
)
def test_what_is_no_type_or_cannot_be_carried_is_refused(value: str) -> None:
    with pytest.raises(InvalidEmailError, match=r"^attachments\.content_type: "):
        Attachment("a.bin", b"", value)


@pytest.mark.parametrize(
    "value", ["", "  ", "a\r\nb.txt", "a\x00.txt", "a\ud800", "=?utf-8?q?a=0D=0AX:_y?=", None]
)
def test_a_file_name_that_no_header_can_hold_is_refused(value: Any) -> None:
    with pytest.raises(InvalidEmailError, match=r"^attachments\.filename: "):
        Attachment(value, b"")


def test_content_that_is_text_is_refused_rather_than_guessed() -> None:
    content: Any = "text"
    with pytest.raises(InvalidEmailError, match="binary"):
        Attachment("a.txt", content)


def test_content_is_frozen_even_when_the_buffer_changes_later() -> None:
    buffer: Any = bytearray(b"before")
    attachment = Attachment("a.bin", buffer)
    buffer[:] = b"after!"
    assert attachment.content == b"before"
