"""Keys to sign with, and dkimpy, which verifies signatures and shares no code with us."""

import re
from collections.abc import Iterable, Mapping
from functools import cache

import dkim

from outbox.delivery.dkim.key import Key, Kind, new_key
from outbox.delivery.dkim.record import record_name, record_text
from outbox.delivery.dkim.signature import Signatory
from outbox.delivery.dkim.signer import Signer

AT = 1_767_225_600
_SIGNATURE = re.compile(rb"^DKIM-Signature:", re.MULTILINE)


@cache
def keyed(kind: Kind = Kind.RSA, bits: int = 2048) -> tuple[bytes, Key]:
    """Return a key, as PEM and ready to sign; the same one for the same arguments, as RSA takes its time."""
    return new_key(kind, bits)


def signatory(kind: Kind = Kind.RSA, domain: str = "example.org") -> Signatory:
    """Return who signs for `domain`, by a selector that is called as its kind."""
    return Signatory(domain, str(kind), keyed(kind)[1])


def both() -> Signer:
    """Return who signs for example.org by an RSA and an Ed25519 key."""
    return Signer([signatory(Kind.RSA), signatory(Kind.ED25519)])


def records(signatories: Iterable[Signatory]) -> dict[str, str]:
    """Return what DNS holds of these."""
    return {record_name(each.domain, each.selector): record_text(each.key) for each in signatories}


def verified(mime: bytes, known: Mapping[str, str]) -> list[bool]:
    """Return of each signature of `mime` whether it is good, as dkimpy judges by the records `known`."""

    def dns(name: bytes, timeout: int = 5) -> bytes | None:  # noqa: ARG001 - dkimpy's signature
        return known.get(name.decode().rstrip("."), "").encode() or None

    def is_good(n: int) -> bool:
        try:
            return bool(dkim.DKIM(mime).verify(n, dnsfunc=dns))
        except dkim.ValidationError:
            return False

    head = mime.partition(b"\r\n\r\n")[0]
    return [is_good(n) for n in range(len(_SIGNATURE.findall(head)))]
