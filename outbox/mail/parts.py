"""Encode bodies and attachments as MIME parts of 7-bit lines (RFC 2045, 2046, 2183, 2231)."""

import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID

from outbox.mail.attachment import Attachment
from outbox.mail.words import as_it_stands, sealed

_HARD = 998
_BASE64_LINE = 76
_SEVEN_BIT = bytes(range(32, 127)) + b"\t\n"
# Without a question mark, so that nothing can look like an encoded word, and without what needs an escape.
_PLAIN_FILENAME = re.compile(r"[A-Za-z0-9!#$&+^_`{}~. ()\[\],;@=-]{1,60}")
_SECTION = 50


@dataclass(frozen=True, slots=True)
class Part:
    """One MIME entity: its header lines (without line ends), and its body in pieces of CRLF lines."""

    header: tuple[str, ...]
    body: tuple[bytes, ...]
    # A line of base64 or quoted-printable cannot look like a boundary; anything else is searched for it.
    is_encoded: bool


def text_part(subtype: str, text: str, parameters: str = "") -> Part:
    """Return a text body in the smallest of 7bit, quoted-printable and base64.

    Line ends of any kind become CRLF, and a body that is not empty ends with one. `parameters` follow the
    charset in its Content-Type.
    """
    encoding, body = encoded(text.encode())
    header = (
        f"Content-Type: text/{subtype}; charset=utf-8{parameters}",
        f"Content-Transfer-Encoding: {encoding}",
    )
    return Part(header, (body,), is_encoded=encoding != "7bit")


def encoded(text: bytes) -> tuple[str, bytes]:
    """Return the smallest transfer encoding for a text, in a charset that extends ASCII, and the text in it.

    Line ends of any kind become CRLF, and a body that is not empty ends with one.
    """
    data = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if data and not data.endswith(b"\n"):
        data += b"\n"
    eightbit = data.translate(None, _SEVEN_BIT)
    if not eightbit and (len(data) <= _HARD or max(map(len, data.split(b"\n"))) <= _HARD):
        return "7bit", data.replace(b"\n", b"\r\n")
    if 2 * (len(eightbit) + data.count(b"=")) <= len(data) * 37 // 100:
        # 37 %: base64 makes 4 octets of 3, and 78 of 76.
        return "quoted-printable", _quoted_printable(data)
    return "base64", base64_lines(data.replace(b"\n", b"\r\n"))


def file_part(attachment: Attachment) -> Part:
    """Return a file in base64, with its name in any script; with a cid it is one that the HTML shows."""
    place = "attachment" if attachment.cid is None else "inline"
    header = [
        as_it_stands("Content-Type", str(attachment.content_type)),
        "Content-Transfer-Encoding: base64",
        f"Content-Disposition: {place};\r\n {filename_parameter(attachment.filename)}",
    ]
    if attachment.cid is not None:
        header.append(f"Content-ID: <{attachment.cid}>")
    return Part(tuple(header), (base64_lines(attachment.content),), is_encoded=True)


def multipart(subtype: str, parts: Sequence[Part], id: UUID, parameters: str = "") -> Part:  # noqa: A002 - the message's own id
    """Return `parts` as one entity; its boundary follows from `id` and occurs in none of them."""
    boundary = _boundary(subtype, parts, id)
    delimiter = f"--{boundary}\r\n".encode()
    pieces: list[bytes] = []
    for part in parts:
        pieces += (delimiter, sealed(part.header), b"\r\n", *part.body, b"\r\n")
    pieces.append(f"--{boundary}--\r\n".encode())
    return Part(
        (f'Content-Type: multipart/{subtype}{parameters};\r\n boundary="{boundary}"',),
        tuple(pieces),
        is_encoded=False,
    )


def _boundary(subtype: str, parts: Sequence[Part], id: UUID) -> str:  # noqa: A002 - as above
    # "=_" cannot occur in quoted-printable, "_" not in base64 (RFC 2045 section 6.7).
    stem = f"=_{subtype[0]}{id.hex}"
    boundary, tries = stem, 0
    while any(boundary.encode() in piece for part in parts if not part.is_encoded for piece in part.body):
        tries += 1
        boundary = f"{stem}{tries}"
    return boundary


def _quoted_printable(data: bytes) -> bytes:
    """Return LF-ended lines as quoted-printable in CRLF-ended ones."""
    # Given CRLF, b2a_qp looks at the first line only to choose how soft breaks end: they could be bare LF.
    return binascii.b2a_qp(data, istext=True, header=False).replace(b"\n", b"\r\n")


def base64_lines(data: bytes) -> bytes:
    """Return `data` in base64, in CRLF-ended lines of 76 characters."""
    encoded = binascii.b2a_base64(data, newline=False)
    lines = [encoded[start : start + _BASE64_LINE] for start in range(0, len(encoded), _BASE64_LINE)]
    return b"\r\n".join(lines) + b"\r\n" if lines else b""


def filename_parameter(name: str) -> str:
    """Return the filename parameter: quoted when plainly ASCII, else as RFC 2231 writes it."""
    if _PLAIN_FILENAME.fullmatch(name):
        return f'filename="{name}"'
    # Sections of whole characters: some readers decode each on its own.
    sections = [""]
    for character in name:
        escaped = quote(character, safe="!#$&+^_`{}~.-")
        if len(sections[-1]) + len(escaped) > _SECTION:
            sections.append("")
        sections[-1] += escaped
    sections[0] = f"utf-8''{sections[0]}"
    if len(sections) == 1:
        return f"filename*={sections[0]}"
    return ";\r\n ".join(f"filename*{number}*={section}" for number, section in enumerate(sections))
