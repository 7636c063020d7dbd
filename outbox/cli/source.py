"""What a message's bytes hold, for people: its headers, and the parts of its body by type, name and size."""

from __future__ import annotations

from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from email.message import Message


@dataclass(frozen=True, slots=True)
class Part:
    """One part that holds something; `size` counts the bytes of what it holds, decoded."""

    type: str
    name: str | None
    size: int


@dataclass(frozen=True, slots=True)
class Source:
    """The headers in their order, decoded, and the parts."""

    headers: list[tuple[str, str]]
    parts: list[Part]


def read(mime: bytes) -> Source:
    """Return what these bytes hold; what is malformed is shown as it stands."""
    found = message_from_bytes(mime)
    return Source(
        [(name, _decoded(value)) for name, value in found.items()],
        [_part(part) for part in found.walk() if not part.is_multipart()],
    )


def _part(part: Message) -> Part:
    name = part.get_filename()
    payload = part.get_payload(decode=True)
    return Part(
        part.get_content_type(),
        None if name is None else _decoded(name),
        len(payload) if isinstance(payload, bytes) else 0,
    )


def _decoded(value: object) -> str:
    unfolded = "".join(str(value).splitlines())
    try:
        return str(make_header(decode_header(unfolded)))
    except (HeaderParseError, LookupError, ValueError):
        return unfolded
