"""Check every string that an application hands over, before it can reach a header or a body.

A control character in a header starts a header of the attacker's choice, so it is refused, never
repaired: also when it hides inside an RFC 2047 encoded word that some later hop will decode
(CVE-2024-6923 and its kin).
"""

import binascii
import re

from outbox.errors import InvalidEmailError

# C0 and DEL. A tab is one of them: in a header it is folding space, which belongs to the composer.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ENCODED_WORD = re.compile(r"=\?([^?]*)\?([bq])\?(.*?)\?=", re.IGNORECASE)
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
_ESCAPED_BYTE = re.compile(rb"=([0-9A-Fa-f]{2})")


def plain(field: str, value: object) -> str:
    """Return `value` as an exact `str` that UTF-8 can carry, for a body.

    A subclass such as `markupsafe.Markup` escapes what is later joined to it, so it is unwrapped here.
    Raises InvalidEmailError for anything but a string, and for lone surrogates.
    """
    if not isinstance(value, str):
        raise InvalidEmailError(field, value, "is not a string", f"Give {field} as str.")
    text = value if type(value) is str else str.__str__(value)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        problem = f"has a lone surrogate, {text[error.start]!a}, at position {error.start}"
        raise InvalidEmailError(
            field,
            text,
            problem,
            "Decode the bytes with their real charset; no mail can carry half a character.",
        ) from None
    return text


def line(field: str, value: object) -> str:
    """Return `value` as an exact `str` that is one line of printable text, for a header.

    Raises InvalidEmailError for control characters (C0, DEL), in plain sight or within an encoded word.
    """
    text = plain(field, value)
    # isprintable() is the fast way to "no control character"; it refuses harmless ones too: look again.
    if not text.isprintable() and (found := _CONTROL.search(text)):
        raise InvalidEmailError(
            field,
            text,
            f"has the control character {found[0]!a} at position {found.start()}",
            "Remove it: a header is one line, and a line break in it would forge another header.",
        )
    if "=?" in text:
        _refuse_hidden_controls(field, text)
    return text


def _refuse_hidden_controls(field: str, text: str) -> None:
    for word in _ENCODED_WORD.finditer(text):
        if _CONTROL.search(_decoded(word[1], word[2], word[3])):
            raise InvalidEmailError(
                field,
                text,
                f"hides a control character in the encoded word {word[0]!a}",
                "Give the text itself, not RFC 2047 encoded words: encoding is done here.",
            )


def _decoded(charset: str, encoding: str, payload: str) -> str:
    """Return what a lenient reader could see in an encoded word: its raw bytes, then its characters."""
    if encoding in "bB":
        # As lenient readers do: what is not of the alphabet is passed over, and padding is made up.
        digits = _NOT_BASE64.sub("", payload)
        digits = digits[: len(digits) - (len(digits) % 4 == 1)]
        data = binascii.a2b_base64(digits + "=" * (-len(digits) % 4))
    else:
        data = _ESCAPED_BYTE.sub(lambda match: bytes([int(match[1], 16)]), payload.encode())
    try:
        # RFC 2231 section 5 lets a language follow the charset after an asterisk.
        characters = data.decode(charset.partition("*")[0], "replace")
    except (LookupError, ValueError):
        characters = ""
    # utf-16 text holds NUL bytes by nature; every other charset shows its control bytes as themselves.
    return characters if characters and "16" in charset else data.decode("latin-1") + characters
