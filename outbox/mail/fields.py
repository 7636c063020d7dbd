"""Take apart the header of a message that somebody else wrote, into fields that join to the same bytes."""

import binascii
import re
from typing import NamedTuple

# A field of CRLF lines with its folds, and as many as there are. Possessive: millions of folds that might be
# given back would be remembered, in a gigabyte.
_FIELD = re.compile(rb"(([!-9;-~]+):[^\n]*+\n(?:[ \t][^\n]*+\n)*+)")
_HEADER = re.compile(rb"(?:[!-9;-~]+:[^\n]*+\n(?:[ \t][^\n]*+\n)*+)*+")
_LONE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_WORD = re.compile(r"=\?([^?\s]+)\?([bq])\?([^?\s]*)\?=", re.IGNORECASE)
_BETWEEN_WORDS = re.compile(r"(?<=\?=)[ \t]+(?==\?)")
_ESCAPED = re.compile(rb"=([0-9A-Fa-f]{2})")


class Field(NamedTuple):
    """One header field: its name in lower case, and all of its bytes, with folds and the last CRLF."""

    name: str
    raw: bytes

    @property
    def value(self) -> str:
        """What stands behind the colon, on one line; bytes that are not UTF-8 are replaced."""
        unfolded = self.raw.partition(b":")[2].replace(b"\r\n", b"")
        return unfolded.decode("utf-8", "replace").strip(" \t")

    @property
    def text(self) -> str:
        """What a person reads in a field of text."""
        return as_read(self.value)


# Codecs of Python that no mail is written in; these take a time that grows with the square of the length.
_NO_CHARSETS = frozenset({"idna", "punycode"})


def lines_ended(mime: bytes) -> bytes:
    """Return `mime` with CRLF in place of each lone CR and LF, and at the end of what is not empty."""
    if len(mime) - len(mime.translate(None, b"\r\n")) != 2 * mime.count(b"\r\n"):
        mime = _LONE.sub(b"\r\n", mime)
    return mime if mime.endswith(b"\r\n") or not mime else mime + b"\r\n"


def taken_apart(mime: bytes) -> tuple[list[Field], bytes]:
    """Return the fields of a message of CRLF lines, and its body behind an empty line, or b"" for none.

    The first line that is neither a field nor the fold of one begins the body, as for most readers; so a
    text without any header is all body.
    """
    end = found.end() if (found := _HEADER.match(mime)) else 0
    fields = [Field(name.decode("ascii").lower(), raw) for raw, name in _FIELD.findall(mime, 0, end)]
    rest = mime[end:]
    return fields, rest if rest.startswith(b"\r\n") or not rest else b"\r\n" + rest


def as_read(text: str) -> str:
    """Return `text` as a person reads it: its encoded words (RFC 2047) decoded, on one line, printable."""
    if "=?" not in text and text.isprintable():
        return text.strip(" ")
    return "".join(letter if letter.isprintable() else " " for letter in _decoded(text)).strip(" ")


def _decoded(text: str) -> str:
    pieces: list[tuple[str, bytes | str]] = []
    rest = 0
    text = _BETWEEN_WORDS.sub("", text)
    for word in _WORD.finditer(text):
        pieces += [("", text[rest : word.start()])] if word.start() > rest else []
        rest = word.end()
        charset, data = word[1].partition("*")[0].lower(), _bytes_of(word[2], word[3])
        # Some writers split a character between two words.
        if pieces and pieces[-1][0] == charset and isinstance(before := pieces[-1][1], bytes):
            pieces[-1] = (charset, before + data)
        else:
            pieces.append((charset, data))
    pieces.append(("", text[rest:]))
    return "".join(part if isinstance(part, str) else _read(charset, part) for charset, part in pieces)


def _bytes_of(encoding: str, payload: str) -> bytes:
    if encoding in "bB":
        try:
            return binascii.a2b_base64(payload.encode() + b"==")
        except binascii.Error:
            return payload.encode()
    return _ESCAPED.sub(lambda escaped: bytes([int(escaped[1], 16)]), payload.replace("_", " ").encode())


def _read(charset: str, data: bytes) -> str:
    if charset in _NO_CHARSETS:
        charset = "utf-8"
    try:
        return data.decode(charset, "replace")
    except (LookupError, ValueError):
        return data.decode("utf-8", "replace")
