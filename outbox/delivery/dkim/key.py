"""Private keys of DKIM: RSA (RFC 6376) and Ed25519 (RFC 8463), read from PEM files or made anew.

The only file that needs `cryptography`, the extra `dkim`: whoever signs nothing never loads it.
"""

import base64
import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

FEWEST_BITS, MOST_BITS = 1024, 4096
"""Sizes of RSA keys that every verifier must take (RFC 8301 §3.2)."""
ENOUGH_BITS = 2048
"""The size of an RSA key that signers should have at least (RFC 8301 §3.2)."""

_MOST_BYTES = 64 * 1024
_MAKE = "outbox dkim keygen makes one"


class Kind(StrEnum):
    """What a key is, as the record's `k=` says it."""

    RSA = "rsa"
    ED25519 = "ed25519"


class UnusableKeyError(ValueError):
    """A key that cannot sign: which file, why, and what to do about it; never with the key."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key that can sign; `public` is what the record's `p=` holds, `bits` the size of an RSA key."""

    kind: Kind
    public: bytes
    bits: int
    sign: Callable[[bytes], bytes] = field(repr=False, compare=False)

    @property
    def algorithm(self) -> str:
        """The name of the algorithm in a signature's `a=`."""
        return f"{self.kind}-sha256"

    @property
    def is_short(self) -> bool:
        """Whether it is an RSA key that verifiers take and may trust less."""
        return self.kind is Kind.RSA and self.bits < ENOUGH_BITS


def read_key(path: Path) -> Key:
    """Return the key in the PEM file `path`, or raise UnusableKeyError."""
    try:
        pem = _read(path)
    except OSError as error:
        raise UnusableKeyError(
            f"the key {path} cannot be read: {error.strerror}. Give the path of a PEM file; {_MAKE}"
        ) from None
    try:
        found = load_pem_private_key(pem, password=None)
    except TypeError:
        raise UnusableKeyError(
            f"the key {path} is encrypted. Decrypt it, as nobody can type its password: openssl pkey"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        # Without the library's words, which may quote the file.
        raise UnusableKeyError(
            f"the file {path} holds no private key in PEM. Give another; {_MAKE}"
        ) from None
    if isinstance(found, Ed25519PrivateKey):
        return _ed25519(found)
    if not isinstance(found, RSAPrivateKey):
        raise UnusableKeyError(f"the key {path} is neither RSA nor Ed25519. Give one of these; {_MAKE}")
    if not FEWEST_BITS <= found.key_size <= MOST_BITS:
        raise UnusableKeyError(
            f"the key {path} has {found.key_size} bits, and verifiers need not take it. "
            f"Give one of {ENOUGH_BITS} bits; {_MAKE}"
        )
    return _rsa(found)


def new_key(kind: Kind, bits: int) -> tuple[bytes, Key]:
    """Return a new key as PEM (PKCS #8, not encrypted) and ready to sign; `bits` count for RSA only."""
    if kind is Kind.ED25519:
        edwards = Ed25519PrivateKey.generate()
        return edwards.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), _ed25519(edwards)
    rsa = generate_private_key(65537, bits)
    return rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), _rsa(rsa)


def _rsa(key: RSAPrivateKey) -> Key:
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    padding, sha256 = PKCS1v15(), hashes.SHA256()
    return Key(Kind.RSA, base64.b64encode(public), key.key_size, lambda data: key.sign(data, padding, sha256))


def _ed25519(key: Ed25519PrivateKey) -> Key:
    public = key.public_key().public_bytes_raw()
    # What is signed is the hash, as for RSA (RFC 8463 §3).
    return Key(
        Kind.ED25519,
        base64.b64encode(public),
        256,
        lambda data: key.sign(hashlib.sha256(data).digest()),
    )


def _read(path: Path) -> bytes:
    """Read a small file that is for its owner and group only; never wait for the writer of a pipe."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(0, "it is no regular file")
        # As OpenDKIM (RequireSafeKeys): who can read it can send in our name.
        if mode & stat.S_IRWXO:
            raise UnusableKeyError(
                f"the key {path} is open to every user of this host. Close it: chmod o= {path}"
            )
        return file.read(_MOST_BYTES)
