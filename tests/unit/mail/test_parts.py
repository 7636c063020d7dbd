"""A body takes the smallest 7-bit form, and a boundary never occurs in what it bounds."""

from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from outbox.mail.attachment import Attachment
from outbox.mail.parts import Part, file_part, multipart, text_part

ID = UUID(int=7)


def parsed(part: Part) -> EmailMessage:
    raw = "\r\n".join(part.header).encode() + b"\r\n\r\n" + b"".join(part.body)
    message = BytesParser(policy=SMTP).parsebytes(raw)
    assert isinstance(message, EmailMessage)
    return message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain\n", "7bit"),
        ("x" * 998, "7bit"),
        ("x" * 999, "quoted-printable"),
        ("Grüße und allerlei mehr Text\n", "quoted-printable"),
        ("a\x00b and more plain text", "quoted-printable"),
        ("漢字" * 20, "base64"),
        ("\x00" * 20, "base64"),
        ("", "7bit"),
    ],
)
def test_a_body_takes_the_smallest_form(text: str, expected: str) -> None:
    assert f"Content-Transfer-Encoding: {expected}" == text_part("plain", text).header[1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", b"a\r\n"),
        ("a\n", b"a\r\n"),
        ("a\r\n", b"a\r\n"),
        ("a\rb\nc\r\nd", b"a\r\nb\r\nc\r\nd\r\n"),
        ("a\r\r\n\n", b"a\r\n\r\n\r\n"),
        ("", b""),
        ("a long line, ü \r\n", b"a long line, =C3=BC=20\r\n"),
    ],
)
def test_fault_73_line_ends_of_any_kind_become_crlf_and_the_last_line_is_ended(
    text: str, expected: bytes
) -> None:
    assert expected == b"".join(text_part("plain", text).body)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
@example(b"x" * 57 * 4)
def test_a_file_arrives_byte_by_byte(content: bytes) -> None:
    part = file_part(Attachment("a.bin", content))
    assert content == parsed(part).get_payload(decode=True)
    assert max(map(len, b"".join(part.body).split(b"\r\n"))) <= 76


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("receipt.pdf", 'filename="receipt.pdf"'),
        ("my receipt (2).pdf", 'filename="my receipt (2).pdf"'),
        ("räport.pdf", "filename*=utf-8''r%C3%A4port.pdf"),
        ('a"b\\.txt', "filename*=utf-8''a%22b%5C.txt"),
        ("100%.txt", "filename*=utf-8''100%25.txt"),
        ("it's.txt", "filename*=utf-8''it%27s.txt"),
    ],
)
def test_a_file_name_is_quoted_or_written_by_rfc_2231(filename: str, expected: str) -> None:
    assert (
        f"Content-Disposition: attachment;\r\n {expected}" == file_part(Attachment(filename, b"")).header[2]
    )


def test_a_long_file_name_is_continued_between_characters() -> None:
    header = file_part(Attachment("漢字" * 40 + ".txt", b"")).header[2]
    assert max(map(len, header.split("\r\n"))) <= 76
    for number, section in enumerate(header.split("\r\n")[1:]):
        assert section.startswith(f" filename*{number}*=")
        assert section.count("%") % 3 == 0


def test_a_body_that_holds_the_boundary_gets_another_boundary() -> None:
    usual = multipart("alternative", [text_part("plain", "a")], ID).header[0]
    boundary = usual.split('"')[1]
    forged = text_part("plain", f"a\r\n--{boundary}--\r\n--{boundary}1\r\nX: y\r\n\r\nforged")
    message = parsed(multipart("alternative", [forged, text_part("html", "b")], ID))
    assert [b"".join(forged.body), b"b\r\n"] == [
        part.get_payload(decode=True) for part in message.iter_parts()
    ]


def test_the_boundary_of_an_inner_multipart_is_another_one() -> None:
    inner = multipart("alternative", [text_part("plain", "a")], ID)
    outer = multipart("mixed", [inner], ID)
    boundaries = [part.header[0].split('"')[1] for part in (inner, outer)]
    assert not any(one in other for one in boundaries for other in boundaries if one is not other)


def test_a_content_type_with_parameters_folds_only_at_a_space() -> None:
    long = 'text/csv;charset=utf-8; note="' + "n" * 80 + '"'
    assert file_part(Attachment("a", b"", long)).header[0].replace("\r\n", "") == f"Content-Type: {long}"
