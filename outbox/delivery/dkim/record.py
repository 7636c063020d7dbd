"""The TXT record that holds a public key: written for a zone, judged as verifiers do (RFC 6376 §3.6.1)."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outbox.delivery.dkim.key import Key

_MOST_IN_STRING = 255  # RFC 1035 §3.3


class Finding(StrEnum):
    """What a record means for the mail that a key has signed; the value says it, and what to do."""

    FITS = "the record fits the key"
    MISSING = "there is no record. Publish what outbox dkim dns prints"
    SEVERAL = "there are several records, and verifiers take any. Leave one"
    BROKEN = "the record is no key record. Replace it by what outbox dkim dns prints"
    REVOKED = "the record revokes the key, its p= is empty. Replace it, or sign by another selector"
    WRONG_KIND = "the k= of the record is not the kind of the key. Replace it by what outbox dkim dns prints"
    UNFIT = "the h= or s= of the record excludes these signatures. Replace it by what outbox dkim dns prints"
    DIFFERENT = "the record holds another key. Replace it, or sign by another selector"
    TESTING = "the record says t=y, so verifiers treat the mail as unsigned. Take t=y out"


def record_name(domain: str, selector: str) -> str:
    """Return where verifiers look."""
    return f"{selector}._domainkey.{domain}"


def record_text(key: "Key") -> str:
    """Return what the record holds."""
    return f"v=DKIM1; k={key.kind}; p={key.public.decode()}"


def zone_line(name: str, text: str) -> str:
    """Return the record as a line of a zone file: one string holds 255 bytes, and readers join them."""
    parts = [text[start : start + _MOST_IN_STRING] for start in range(0, len(text), _MOST_IN_STRING)]
    strings = " ".join(f'"{part}"' for part in parts)
    return f"{name}. IN TXT ( {strings} )"


def judge(texts: Sequence[str], key: "Key") -> Finding:
    """Judge the records, each with its strings joined, that stand where `key` should be found."""
    if len(texts) != 1:
        return Finding.SEVERAL if texts else Finding.MISSING
    tags = _tags(texts[0])
    if tags is None or tags.get("v", "DKIM1") != "DKIM1" or "p" not in tags:
        return Finding.BROKEN
    return _judge_tags(tags, key)


def _judge_tags(tags: Mapping[str, str], key: "Key") -> Finding:
    if not tags["p"]:
        return Finding.REVOKED
    if tags.get("k", "rsa") != key.kind:
        return Finding.WRONG_KIND
    if "sha256" not in _listed(tags.get("h", "sha256")) or not {"*", "email"} & _listed(tags.get("s", "*")):
        return Finding.UNFIT
    if _bytes(tags["p"]) != _bytes(key.public.decode()):
        return Finding.DIFFERENT
    return Finding.TESTING if "y" in _listed(tags.get("t", "")) else Finding.FITS


def _tags(text: str) -> dict[str, str] | None:
    tags: dict[str, str] = {}
    for part in text.strip().removesuffix(";").split(";"):
        name, equals, value = part.partition("=")
        if not equals or name.strip() in tags:
            return None
        # White space within a value means nothing.
        tags[name.strip()] = "".join(value.split())
    return tags


def _listed(value: str) -> set[str]:
    return set(value.split(":"))


def _bytes(public: str) -> bytes | None:
    try:
        return base64.b64decode(public, validate=True)
    except binascii.Error:
        return None
