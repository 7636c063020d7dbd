"""A test system writes to its own domains, to one address, or to nobody."""

import pytest

from outbox.mail.diversion import Diversion
from outbox.mail.objection import Objection
from outbox.mail.status import Move, Reason, Status

ALLOWED = frozenset({"staging.example", "example.net"})


@pytest.mark.parametrize("recipient", ["ada@example.org", "Tester@staging.example"])
def test_without_a_diversion_everybody_gets_their_mail(recipient: str) -> None:
    assert recipient == Diversion().of(recipient)


@pytest.mark.parametrize(
    ("recipient", "expected"),
    [
        ("Tester@staging.example", "Tester@staging.example"),
        ("tester@STAGING.example", "tester@STAGING.example"),
        ("ada@example.org", "qa@example.com"),
        ("ada@sub.staging.example", "qa@example.com"),
        ("ada@notstaging.example", "qa@example.com"),
    ],
)
def test_all_but_the_allowed_domains_are_written_to_in_one_place(recipient: str, expected: str) -> None:
    assert expected == Diversion("qa@example.com", ALLOWED).of(recipient)


def test_with_an_address_alone_nobody_else_gets_mail() -> None:
    assert Diversion("qa@example.com").of("tester@staging.example") == "qa@example.com"


def test_with_domains_alone_other_mail_waits_for_a_person() -> None:
    assert Diversion(None, ALLOWED).of("tester@example.net") == "tester@example.net"
    objection = Diversion(None, ALLOWED).of("ada@example.org")
    assert objection == Objection(
        Move.PARK,
        Reason.NOT_ALLOWED,
        "this daemon writes to example.net, staging.example only (allowed_domains)",
    )
    assert objection.outcome is Status.HELD
