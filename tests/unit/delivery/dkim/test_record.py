"""A record is written as verifiers read it, and what they would mind in one is found."""

import base64

import pytest

from outbox.delivery.dkim.key import Kind
from outbox.delivery.dkim.record import Finding, judge, record_name, record_text, zone_line
from tests.support.signatures import keyed

RSA, ED25519 = (keyed(kind)[1] for kind in Kind)
PUBLIC = RSA.public.decode()


@pytest.mark.parametrize("kind", Kind)
def test_a_record_fits_the_key_that_it_is_made_of(kind: Kind) -> None:
    key = keyed(kind)[1]
    assert judge([record_text(key)], key) is Finding.FITS


def test_an_ed25519_record_holds_the_32_bytes_alone() -> None:
    assert len(base64.b64decode(ED25519.public)) == 32


def test_a_line_of_a_zone_file_holds_strings_of_at_most_255_bytes_that_join_to_the_record() -> None:
    line = zone_line(record_name("example.org", "s1"), record_text(RSA))
    assert line.startswith('s1._domainkey.example.org. IN TXT ( "v=DKIM1; k=rsa; p=')
    strings = line.partition("( ")[2].removesuffix(" )").strip('"').split('" "')
    assert "".join(strings) == record_text(RSA)
    assert max(map(len, strings)) == 255


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], Finding.MISSING),
        ([record_text(RSA)] * 2, Finding.SEVERAL),
        (["v=spf1 -all"], Finding.BROKEN),
        (["some words"], Finding.BROKEN),
        (["v=DKIM1; k=rsa"], Finding.BROKEN),
        ([f"v=DKIM2; p={PUBLIC}"], Finding.BROKEN),
        ([f"v=DKIM1; p=; p={PUBLIC}"], Finding.BROKEN),
        (["v=DKIM1; k=rsa; p="], Finding.REVOKED),
        ([f"v=DKIM1; k=ed25519; p={PUBLIC}"], Finding.WRONG_KIND),
        ([f"v=DKIM1; h=sha1; p={PUBLIC}"], Finding.UNFIT),
        ([f"v=DKIM1; s=tlsrpt; p={PUBLIC}"], Finding.UNFIT),
        (["v=DKIM1; p=AAAA"], Finding.DIFFERENT),
        (["v=DKIM1; p=***"], Finding.DIFFERENT),
        ([f"v=DKIM1; t=s:y; p={PUBLIC}"], Finding.TESTING),
        ([f"v=DKIM1; t=s; h=sha1:sha256; s=email; p={PUBLIC}"], Finding.FITS),
        ([f"p={PUBLIC[:40]} \t{PUBLIC[40:]} ; "], Finding.FITS),
    ],
)
def test_each_record_means_one_thing(texts: list[str], expected: Finding) -> None:
    assert expected is judge(texts, RSA)
