"""What a network does to one byte of a connection."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Way(StrEnum):
    """The direction of a byte."""

    UP = "to the server"
    DOWN = "to the client"


class Kind(StrEnum):
    """What happens in place of a byte: the connection ends, hangs or rests there, or the byte is another.

    The other bytes are chosen so that no refusal becomes an acceptance: 550 read as 250 is a lie that no
    client can see. A 250 read as 350, a 550 read as 450, a lost or additional line end are all among them.
    """

    CUT = "cut"
    RESET = "reset"
    STALL = "stall"
    PAUSE = "pause"
    DOUBLE = "double"
    FLIP = "flip"
    NUL = "NUL"
    CR = "CR"
    LF = "LF"
    NEXT = "digit + 1"


def _next(byte: int) -> bytes:
    return bytes([0x30 + (byte - 0x30 + 1) % 10]) if chr(byte).isdigit() and byte < 0x7F else bytes([byte])


ALTERED: dict[Kind, Callable[[int], bytes]] = {
    Kind.DOUBLE: lambda byte: bytes([byte, byte]),
    Kind.FLIP: lambda byte: bytes([byte ^ 1]),
    Kind.NUL: lambda _: b"\0",
    Kind.CR: lambda _: b"\r",
    Kind.LF: lambda _: b"\n",
    Kind.NEXT: _next,
}
"""What stands in place of the byte, where the connection goes on."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault at the byte number `at`, from 0, of one direction."""

    kind: Kind
    way: Way
    at: int
