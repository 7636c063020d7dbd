"""Write one header field as RFC 5322 lines: encoded words, display names, folding.

All returns are ASCII, but for an address beyond it, which stands as it is (RFC 6532): an encoded word must
not occur in one (RFC 2047 section 5). Lines break only with CRLF before a space that was there already or
that separates two tokens. A token, such as a URL, is never split.
"""

import binascii
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from outbox.mail.address import Address

LINE = 76
"""Where lines are folded if they can be: RFC 2047 section 2 allows 76 octets, RFC 5322 recommends 78."""

_HARD = 998
_NAME_WIDTH = 60
_OVERHEAD = len("=?utf-8?q??=")
_LEAST = 24
# Section 5 (3): what a "Q" word may hold everywhere, also within a display name.
_Q_SAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/"
_Q = [chr(byte) if byte in _Q_SAFE else "_" if byte == 32 else f"={byte:02X}" for byte in range(256)]  # noqa: PLR2004 - 256 bytes, 32 is the space
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ATOMS = re.compile(rf"{_ATOM}(?: {_ATOM})*")
_ADDRESS_FIELDS = frozenset({"From", "To", "Cc", "Reply-To"})
_CONTROLS = bytes(set(range(32)) - set(b"\r\n")) + b"\x7f"
_SPACED_WORD = re.compile(r" *[^ ]+")


def encoded_words(text: str, first: int = LINE, rest: int = LINE - 1) -> list[str]:
    """Return `text` as RFC 2047 words that are read back as one, in whichever of Q and B is shorter.

    `first` and `rest` are the widths, in octets, that the first and each further word may take (at most
    75). A character is never split between two words (section 5).
    """
    data = text.encode()
    plain = len(data) - len(data.translate(None, _Q_SAFE + b" "))
    as_q = plain + 3 * (len(data) - plain) <= 4 * -(-len(data) // 3)
    words = []
    start, width = 0, min(first, LINE - 1)
    while start < len(data):
        end = _q_end(data, start, width - _OVERHEAD) if as_q else start + (width - _OVERHEAD) // 4 * 3
        while end < len(data) and data[end] & 0xC0 == 0x80:  # noqa: PLR2004 - a continuation byte of UTF-8
            end -= 1
        chunk = data[start:end]
        words.append(_q_word(chunk) if as_q else _b_word(chunk))
        start, width = end, min(rest, LINE - 1)
    return words


def _q_end(data: bytes, start: int, room: int) -> int:
    end = start
    while end < len(data):
        room -= len(_Q[data[end]])
        if room < 0:
            break
        end += 1
    return end


def _q_word(chunk: bytes) -> str:
    return f"=?utf-8?q?{''.join([_Q[byte] for byte in chunk])}?="


def _b_word(chunk: bytes) -> str:
    return f"=?utf-8?b?{binascii.b2a_base64(chunk, newline=False).decode()}?="


def text_field(name: str, value: str) -> str:
    """Return the header of a text that a person reads, exactly as given: `Subject: ...`."""
    first = LINE - len(name) - 2
    if _is_literal(value):
        if len(value) <= first:
            return f"{name}: {value}"
        if "  " not in value and max(map(len, value.split(" "))) < LINE:
            return as_it_stands(name, value)
    return fold(name, encoded_words(value, first))


def own_field(name: str, value: str) -> str:
    """Return an application's own header: as it stands when ASCII, else as encoded words."""
    if value.isascii():
        return as_it_stands(name, value)
    first = LINE - len(name) - 2
    if first >= _LEAST:
        return fold(name, encoded_words(value, first))
    return f"{name}:\r\n " + "\r\n ".join(encoded_words(value))


def as_it_stands(name: str, value: str) -> str:
    """Return an ASCII header folded before its own spaces, so that unfolding gives `value` back."""
    if len(name) + 2 + len(value) <= LINE:
        return f"{name}: {value}"
    lines = [f"{name}:"]
    for word in _SPACED_WORD.findall(f" {value}"):
        # Never right after the colon, unless the line would be illegal: some readers lose such a value.
        limit = LINE if len(lines) > 1 or len(lines[0]) > len(name) + 1 else _HARD
        if len(lines[-1]) + len(word) <= limit:
            lines[-1] += word
        else:
            lines.append(word)
    return "\r\n".join(lines)


def address_field(name: str, addresses: Sequence[Address]) -> str:
    """Return the header of mailboxes (RFC 5322 section 3.4), names in any script."""
    tokens: list[str] = []
    for address in addresses:
        tokens += mailbox_tokens(address)
        tokens[-1] += ","
    tokens[-1] = tokens[-1][:-1]
    return fold(name, tokens)


# Bounded: the sender is in every mail, and people get more than one.
@lru_cache(maxsize=1024)
def mailbox_tokens(address: Address) -> tuple[str, ...]:
    """Return one mailbox as tokens between which a line may be folded."""
    name = address.name
    if not name:
        return (address.email,)
    if not _is_literal(name) or len(name) > _NAME_WIDTH:
        return (*encoded_words(name, _NAME_WIDTH, _NAME_WIDTH), f"<{address.email}>")
    if not _ATOMS.fullmatch(name):
        name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return (f"{name} <{address.email}>",)


def fold(name: str, tokens: Iterable[str]) -> str:
    """Return a header of tokens separated by one space or one fold; its lines are measured in octets."""
    lines = [f"{name}:"]
    width = len(lines[0])
    for token in tokens:
        octets = 1 + (len(token) if token.isascii() else len(token.encode()))
        if width + octets <= LINE or lines == [f"{name}:"]:
            lines[-1] += f" {token}"
            width += octets
        else:
            lines.append(f" {token}")
            width = octets
    return "\r\n".join(lines)


def sealed(lines: Sequence[str]) -> bytes:
    """Return a block of header lines, after proving that it holds these headers and no other.

    The last look before bytes: values were checked when the email was made, and this does not rely on it.
    Only the fields of addresses may hold more than ASCII, and nothing that some reader takes for a space or a
    line end. Raises ValueError.
    """
    text = "\r\n".join(lines) + "\r\n"
    if not text.isascii():
        _prove_international(lines)
    block = text.encode()
    breaks = block.count(b"\r\n")
    if (
        breaks - block.count(b"\r\n ") != len(lines)
        or block.count(b"\r") != breaks
        or block.count(b"\n") != breaks
        or len(block.translate(None, _CONTROLS)) != len(block)
    ):
        raise ValueError(f"a header would start another one: {lines!r}. Build the email with outbox.Email.")
    return block


def _prove_international(lines: Sequence[str]) -> None:
    for line in lines:
        is_proven = line.partition(":")[0] in _ADDRESS_FIELDS and line.replace("\r\n", "").isprintable()
        if not line.isascii() and not is_proven:
            raise ValueError(f"a header that is not ASCII: {line!r}. Build the email with outbox.Email.")


def _is_literal(text: str) -> bool:
    """Whether readers show `text` as it stands: ASCII, nothing like an encoded word, no outer space."""
    return text.isascii() and "=?" not in text and text == text.strip(" ")
