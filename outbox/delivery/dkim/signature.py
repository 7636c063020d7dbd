"""Write one DKIM-Signature field (RFC 6376 §3.5 and §3.7), relaxed/relaxed, the same for the same arguments.

There is no `x=`: a signature that runs out makes forgeries of mail that a relay has kept for long, and a
new attempt has a new signature anyway. There is no `l=`: it would let anybody add to the mail.
"""

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from outbox.delivery.dkim.canonical import relaxed_field
from outbox.mail.fields import Field

if TYPE_CHECKING:
    from outbox.delivery.dkim.key import Key

_OVERSIGNED = (
    *("from", "to", "cc", "subject", "date", "message-id", "reply-to"),
    *("mime-version", "content-type", "content-transfer-encoding"),
)
"""What a reader sees, or what decides how: named once more than it is there, so that none can be added."""
_SIGNED = (
    *_OVERSIGNED,
    *("list-unsubscribe", "list-unsubscribe-post", "in-reply-to", "references", "auto-submitted"),
)
_WIDTH = 76


@dataclass(frozen=True, slots=True)
class Signatory:
    """In whose name a key signs; its record stands at `selector`._domainkey.`domain`."""

    domain: str
    selector: str
    key: "Key"


def signature(signatory: Signatory, fields: Sequence[Field], body_hash: bytes, at: int) -> bytes:
    """Return the field that signs these header fields and the SHA-256 of the relaxed body.

    `at` is the time in seconds since 1970. The field ends with CRLF and stands in front of all others.
    """
    names = [*_names(fields)]
    lines = [
        f"DKIM-Signature: v=1; a={signatory.key.algorithm}; c=relaxed/relaxed; t={at};",
        f"\td={signatory.domain};",
        f"\ts={signatory.selector};",
        *_wrapped(names),
        f"\tbh={base64.b64encode(body_hash).decode()};",
        "\tb=",
    ]
    unsigned = "\r\n".join(lines).encode("ascii")
    # The field signs itself, too, as if its b= were empty, and without the last CRLF.
    own = relaxed_field(Field("dkim-signature", unsigned)).removesuffix(b"\r\n")
    signed = base64.b64encode(signatory.key.sign(b"".join((*_chosen(fields, names), own))))
    return unsigned + b"\r\n\t".join(_pieces(signed)) + b"\r\n"


def _names(fields: Iterable[Field]) -> Iterator[str]:
    present = [field.name for field in fields]
    for name in _SIGNED:
        yield from [name] * (present.count(name) + (name in _OVERSIGNED))


def _chosen(fields: Iterable[Field], names: Iterable[str]) -> Iterator[bytes]:
    """Yield the fields that `names` stand for: of several the last one first (RFC 6376 §5.4.2)."""
    left: dict[str, list[Field]] = {}
    for field in fields:
        left.setdefault(field.name, []).append(field)
    for name in names:
        if left.get(name):
            yield relaxed_field(left[name].pop())


def _wrapped(names: Sequence[str]) -> Iterator[str]:
    """Yield the lines of `h=`."""
    line = "\th="
    for name in names[:-1]:
        if len(line) + len(name) + 1 > _WIDTH:
            yield line
            line = "\t"
        line += f"{name}:"
    if len(line) + len(names[-1]) + 1 > _WIDTH:
        yield line
        line = "\t"
    yield f"{line}{names[-1]};"


def _pieces(text: bytes) -> list[bytes]:
    width = _WIDTH - len("\tb=")
    return [text[start : start + width] for start in range(0, len(text), width)]
