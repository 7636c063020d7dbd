"""Name a message before the database has seen it, so that one insert is enough."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from outbox.mail.address import Address

RANDOM_BYTES = 10
"""How many random bytes `uuid7` takes; 74 of their 80 bits are used."""

_MAX_MS = 1 << 48


def uuid7(unix_ms: int, random: bytes) -> UUID:
    """Return the UUID version 7 of an instant, in milliseconds since 1970, and of 10 random bytes.

    RFC 9562 section 5.7: 48 bits of time, version, 12 random bits, variant, 62 random bits; later
    instants sort later. Raises ValueError for an instant or for randomness of another size.
    """
    if not 0 <= unix_ms < _MAX_MS:
        raise ValueError(f"unix_ms: {unix_ms} is not in 0..2**48-1. Give milliseconds since 1970.")
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"random: {len(random)} bytes. Give {RANDOM_BYTES} of os.urandom.")
    bits = int.from_bytes(random, "big")
    high = bits >> 62 & 0xFFF
    low = bits & (1 << 62) - 1
    return UUID(int=unix_ms << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)


def message_id(id: UUID, sender: Address) -> str:  # noqa: A002 - the field's own name, as in `compose(id=...)`
    """Return the Message-ID of RFC 5322 section 3.6.4: unique by the UUID, under the sender's domain."""
    return f"<{id.hex}@{sender.domain}>"


def id_in(name: str) -> UUID | None:
    """Return the id of the message that `name`, an id or a Message-ID, tells; None if it tells none."""
    # A Message-ID begins with the id, so it needs no index of its own.
    return _uuid(name) or _uuid(name.removeprefix("<").partition("@")[0])


def _uuid(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None
