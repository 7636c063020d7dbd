"""A key that cannot sign, or that everybody can read, is refused in words that never show it."""

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from outbox.delivery.dkim.key import Kind, UnusableKeyError, read_key
from tests.support.signatures import keyed

_ED25519 = keyed(Kind.ED25519)[0]


def written(folder: Path, pem: bytes, mode: int = 0o600) -> Path:
    path = folder / "key.pem"
    path.write_bytes(pem)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("kind", Kind)
def test_a_key_is_read_as_it_was_made(kind: Kind, tmp_path: Path) -> None:
    pem, key = keyed(kind)
    read = read_key(written(tmp_path, pem, 0o440))
    assert key == read
    assert f"{kind}-sha256" == read.algorithm


@pytest.mark.parametrize(("bits", "short"), [(1024, True), (2048, False)])
def test_a_key_of_1024_bits_signs_but_is_short(bits: int, short: bool, tmp_path: Path) -> None:  # noqa: FBT001
    key = read_key(written(tmp_path, keyed(Kind.RSA, bits)[0]))
    assert (bits, short) == (key.bits, key.is_short)


def test_nothing_shows_a_key() -> None:
    assert "sign" not in repr(keyed()[1])


def _elliptic(*, password: bytes | None = None, public: bool = False) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    if public:
        return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    protection = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)


@pytest.mark.parametrize(
    ("pem", "mode", "words"),
    [
        (b"secret", 0o600, "holds no private key in PEM. Give another; outbox dkim keygen makes one"),
        (b"", 0o600, "holds no private key in PEM"),
        (_elliptic(public=True), 0o600, "holds no private key in PEM"),
        (_elliptic(), 0o600, "is neither RSA nor Ed25519. Give one of these"),
        (_elliptic(password=b"secret"), 0o600, "is encrypted. Decrypt it"),
        (_ED25519, 0o604, "is open to every user of this host. Close it: chmod o= "),
    ],
)
def test_a_file_that_is_no_key_to_sign_by_is_refused_with_the_remedy(
    pem: bytes, mode: int, words: str, tmp_path: Path
) -> None:
    path = written(tmp_path, pem, mode)
    with pytest.raises(UnusableKeyError) as caught:
        read_key(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_key_below_1024_bits_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # OpenSSL itself makes none so short any more; so the limit is moved above one that it makes.
    monkeypatch.setattr("outbox.delivery.dkim.key.FEWEST_BITS", 1025)
    path = written(tmp_path, keyed(Kind.RSA, 1024)[0])
    with pytest.raises(
        UnusableKeyError, match=r"has 1024 bits, and verifiers need not take it\. Give one of 2048"
    ):
        read_key(path)


def test_a_file_that_is_not_there_or_is_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnusableKeyError, match="cannot be read: No such file"):
        read_key(tmp_path / "gone.pem")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnusableKeyError, match="cannot be read: it is no regular file"):
        read_key(tmp_path / "pipe")
