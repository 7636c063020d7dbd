"""The verifier sees every header and part that was not asked for, whoever wrote it."""

import pytest

from outbox.mail.verify import verify

FIELDS = ["From", "Content-Type"]
PLAIN = b"From: a@b\r\nContent-Type: text/plain;\r\n charset=utf-8\r\n\r\nbody\r\n"
MIXED = (
    b'From: a@b\r\nContent-Type: multipart/mixed;\r\n boundary="=_m"\r\n\r\n'
    b"--=_m\r\nContent-Type: text/plain\r\n\r\na\r\n"
    b'\r\n--=_m\r\nX: y\r\nContent-Type: multipart/related; boundary="=_r"\r\n\r\n'
    b"--=_r\r\nContent-Type: text/html\r\n\r\n\r\n--=_r--\r\n"
    b"\r\n--=_m--\r\n"
)


@pytest.mark.parametrize(("mime", "types"), [(PLAIN, ["text/plain"]), (MIXED, ["text/plain", "text/html"])])
def test_what_was_asked_for_comes_back_as_it_is(mime: bytes, types: list[str]) -> None:
    assert verify(mime, FIELDS, types) is mime


@pytest.mark.parametrize(
    ("mime", "types"),
    [
        (PLAIN.replace(b"From: a@b", b"From: a@b\r\nBcc: eve@b"), ["text/plain"]),
        (PLAIN.replace(b"From: a@b\r\n", b""), ["text/plain"]),
        (PLAIN.replace(b"From: a@b", b"From: a@b\nBcc: eve@b"), ["text/plain"]),
        (PLAIN.replace(b"From: a@b", b"From: a@b\rBcc: eve@b"), ["text/plain"]),
        (PLAIN.replace(b"From: a@b", b"From: a@b\r\nno field"), ["text/plain"]),
        (PLAIN.replace(b"From: a@b\r\n", b"From: a@b\r\n\r\n"), ["text/plain"]),
        (PLAIN.replace(b"\r\n\r\n", b"\r\n"), ["text/plain"]),
        (PLAIN, ["text/html"]),
        (PLAIN, []),
        (MIXED, ["text/plain"]),
        (MIXED.replace(b"--=_m\r\nC", b"text\r\n--=_m\r\nC", 1), ["text/plain", "text/html"]),
        (MIXED + b"epilogue", ["text/plain", "text/html"]),
        (MIXED.replace(b'boundary="=_r"', b"x"), ["text/plain", "text/html"]),
        (
            MIXED.replace(b"Content-Type: text/html", b"Content-Type: text/html\r\nContent-Type: text/plain"),
            ["text/plain", "text/html"],
        ),
        (
            MIXED.replace(b"\r\n--=_m--", b"\r\n--=_m\r\nContent-Type: a/b\r\n\r\n\r\n--=_m--"),
            ["text/plain", "text/html"],
        ),
    ],
)
def test_anything_else_is_not_queued(mime: bytes, types: list[str]) -> None:
    with pytest.raises(ValueError, match="Nothing was queued"):
        verify(mime, FIELDS, types)
