"""What is wrong with a certificate is told with its date, its names and the remedy."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from outbox.delivery.certificate import Certificate, UntrustedCertificateError, explain_certificate, shown
from outbox.delivery.relay import Relay

RELAY = Relay(name="main", host="mail.example", port=587)
NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
IF_OWN = "if the authority is your own, give its certificate as the CA file (smtp_ca_file)"


def certificate(subject: str, *names: str, since: int = 2020, until: int = 2030) -> Certificate:
    """Return a certificate that holds from the first of November of one year to that of another."""
    first, last = (datetime(year, 11, 1, 9, 5, tzinfo=UTC) for year in (since, until))
    return Certificate(subject, "Example CA", names, first, last)


LEAF = certificate("mail.example", "mail.example")
AUTHORITY = certificate("Example CA")
MANY = tuple(f"mx{n}.example" for n in range(7))


@pytest.mark.parametrize(
    ("code", "chain", "expected"),
    [
        (
            10,
            (certificate("a", until=2025), AUTHORITY),
            "expired on 2025-11-01: it must be renewed on the server",
        ),
        (
            10,
            (LEAF, certificate("Example CA", until=2025)),
            "rests on that of Example CA, which expired on 2025-11-01: the server must show a renewed chain",
        ),
        (10, (LEAF,), "rests on an authority that has expired: renew the CA file, or the system's own"),
        (10, (), "has expired: it must be renewed on the server"),
        (
            9,
            (certificate("a", since=2027),),
            "is not valid before 2027-11-01 09:05 UTC: look at the clocks of both hosts",
        ),
        (9, (), "is not valid yet: look at the clocks of both hosts"),
        (
            62,
            (certificate("a", "a.example", "10.0.0.1"),),
            (
                "is for another name than mail.example: it holds a.example, 10.0.0.1; "
                "use one of them as the host, or name it as smtp_tls_name"
            ),
        ),
        (
            64,
            (certificate("a", *MANY),),
            (
                "is for another name than mail.example: it holds mx0.example, mx1.example, "
                "mx2.example, mx3.example, mx4.example and 2 more; use one of them as the host, or name "
                "it as smtp_tls_name"
            ),
        ),
        (
            62,
            (AUTHORITY,),
            (
                "is for another name than mail.example: it holds no host name at all, so it must be renewed "
                "on the server"
            ),
        ),
        (62, (), "is for another name than mail.example: use a host name that it holds (words of OpenSSL)"),
        (18, (LEAF,), f"is not trusted: it is self-signed; {IF_OWN}"),
        (
            19,
            (LEAF, AUTHORITY),
            f"is not trusted: its authority Example CA is self-signed and unknown here; {IF_OWN}",
        ),
        (
            20,
            (LEAF,),
            (
                "is not trusted: its authority Example CA is unknown here, or the server does not show its "
                f"whole chain; {IF_OWN}"
            ),
        ),
        (66, (LEAF,), f"is not trusted: words of OpenSSL; {IF_OWN}"),
    ],
)
def test_each_fault_of_a_certificate_has_a_remedy(
    code: int, chain: tuple[Certificate, ...], expected: str
) -> None:
    error = UntrustedCertificateError(code, "words of OpenSSL", chain, NOW)
    assert f"certificate of mail.example {expected}" == explain_certificate(error, RELAY)


class Shown:
    """What an SSLObject stands on, in a Python that tells of certificates in its own way."""

    def __init__(self, **info: object) -> None:
        self._info = info

    @property
    def _sslobj(self) -> "Shown":
        return self

    def get_unverified_chain(self) -> list["Shown"]:
        return [self]

    def get_info(self) -> dict[str, object]:
        return self._info


DATES = {"notBefore": "Jan  1 00:00:00 2020 GMT", "notAfter": "Jan  1 00:00:00 2030 GMT"}


@pytest.mark.parametrize(
    "info",
    [{}, {**DATES, "notAfter": "Foo  1 00:00:00 2030 GMT"}, {**DATES, "subjectAltName": 7}],
)
def test_a_certificate_that_cannot_be_read_leaves_the_fault_without_its_date(info: dict[str, object]) -> None:
    assert shown(cast("Any", Shown(**info))) == ()


def test_a_python_that_hides_the_chain_leaves_the_fault_without_its_date() -> None:
    assert shown(cast("Any", object())) == ()


def test_hostile_names_are_printable_and_short() -> None:
    names = (("DNS", "\x1b[2J\u202e"), ("DNS", "x" * 1000), ("email", "a@example.com"))
    subject = ((("organizationName", "Evil\n"),),)
    (read,) = shown(cast("Any", Shown(**DATES, subjectAltName=names, subject=subject)))
    assert read.names == ("\\x1b[2J\\u202e", "x" * 64)
    assert (read.subject, read.issuer) == ("Evil\\n", "without a name")
