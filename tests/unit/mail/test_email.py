"""An email that exists can be sent."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from outbox.errors import InvalidEmailError
from outbox.mail.address import Address
from outbox.mail.email import Attachment, Email
from outbox.mail.status import OnDoubt

ADA = Address("", "ada@example.org")
EVE = Address("Eve", "eve@example.org")


def test_the_smallest_email_has_plain_defaults() -> None:
    email = Email(to="ada@example.org", text="")
    expected: tuple[object, ...] = (
        (ADA,),
        (),
        (),
        (),
        None,
        "",
        "",
        None,
        None,
        None,
        (),
        {},
        None,
        None,
        None,
        OnDoubt.RESEND,
        None,
        "default",
    )
    assert expected == tuple(getattr(email, field) for field in email.__slots__)


@pytest.mark.parametrize("field", ["to", "cc", "bcc", "reply_to"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ada@example.org", (ADA,)),
        (ADA, (ADA,)),
        (["ada@example.org", EVE], (ADA, EVE)),
        (("Eve <eve@example.org>",), (EVE,)),
        ([], ()),
    ],
)
def test_addresses_are_given_in_any_form(field: str, value: Any, expected: tuple[Address, ...]) -> None:
    fields: dict[str, Any] = {"to": ADA, "text": "", field: value}
    if fields["to"] == []:
        fields["cc"] = ADA
    assert expected == getattr(Email(**fields), field)


@pytest.mark.parametrize(
    "value", [None, b"ada@example.org", {"ada@example.org": 1}, 7, [None], ("Ada", "ada@example.org")]
)
def test_what_is_no_address_is_refused(value: Any) -> None:
    with pytest.raises(InvalidEmailError, match=r"^cc: "):
        Email(to=ADA, cc=value, text="")


def test_each_envelope_address_is_delivered_once_in_order() -> None:
    email = Email(
        to=["Ada <ada@EXAMPLE.org>", "bob@example.org"],
        cc="ada@example.org",
        bcc=["Ada@example.org", EVE],
        text="",
    )
    expected = ("ada@example.org", "bob@example.org", "Ada@example.org", "eve@example.org")
    assert expected == email.recipients


@pytest.mark.parametrize("field", ["to", "cc", "bcc"])
def test_one_recipient_in_any_place_is_enough(field: str) -> None:
    fields: dict[str, Any] = {field: "ada@example.org", "text": ""}
    assert Email(**fields).recipients == ("ada@example.org",)


def test_nobody_to_send_to_is_refused() -> None:
    with pytest.raises(InvalidEmailError, match="at least one of to, cc and bcc"):
        Email(reply_to="ada@example.org", text="")


def test_no_body_is_refused_and_an_empty_one_is_not() -> None:
    with pytest.raises(InvalidEmailError, match="text, html or both"):
        Email(to=ADA)
    assert Email(to=ADA, html="").html == ""


SET: dict[str, Callable[[str], Email]] = {
    "to": lambda value: Email(to=value, text=""),
    "cc": lambda value: Email(to=ADA, cc=[value], text=""),
    "bcc": lambda value: Email(to=ADA, bcc=[value], text=""),
    "reply_to": lambda value: Email(to=ADA, reply_to=value, text=""),
    "sender": lambda value: Email(to=ADA, sender=value, text=""),
    "name": lambda value: Email(to=Address(value, "ada@example.org"), text=""),
    "subject": lambda value: Email(to=ADA, subject=value, text=""),
    "header name": lambda value: Email(to=ADA, headers={value: "x"}, text=""),
    "header value": lambda value: Email(to=ADA, headers={"X-Own": value}, text=""),
    "filename": lambda value: Email(to=ADA, attachments=[Attachment(value, b"")], text=""),
    "content type": lambda value: Email(to=ADA, attachments=[Attachment("a", b"", value)], text=""),
    "cid": lambda value: Email(to=ADA, attachments=[Attachment("a", b"", cid=value)], text=""),
    "in_reply_to": lambda value: Email(to=ADA, in_reply_to=f"<{value}@example.org>", text=""),
    "references": lambda value: Email(to=ADA, references=[f"<a@example.org>{value}"], text=""),
    "unsubscribe": lambda value: Email(to=ADA, unsubscribe=f"https://example.org/{value}", text=""),
    "auto_submitted": lambda value: Email(to=ADA, auto_submitted=value, text=""),
    "importance": lambda value: Email(to=ADA, importance=value, text=""),
    "key": lambda value: Email(to=ADA, key=value, text=""),
}
INJECTIONS = (
    "a\r\nBcc: eve@example.org",
    "a\nBcc: eve@example.org",
    "a\rBcc: eve@example.org",
    "a\r\n\r\nbody",
    "a\r\n .\r\n",
    "a\x00b",
    "a\x0bb",
    "a\x1cb",
    "a\x7fb",
    "a\udc0d",
)
HIDDEN = ("=?utf-8?q?a=0D=0ABcc:_eve@example.org?=", "x =?utf-8?b?DQpCY2M6IGV2ZUBleGFtcGxlLm9yZw==?=")


@pytest.mark.parametrize("field", SET)
@pytest.mark.parametrize("value", INJECTIONS)
def test_fault_71_an_injection_is_refused_in_every_field(field: str, value: str) -> None:
    with pytest.raises(InvalidEmailError):
        SET[field](value)


@pytest.mark.parametrize("field", [field for field in SET if field != "key"])
@pytest.mark.parametrize("value", HIDDEN)
def test_fault_71_an_injection_within_an_encoded_word_is_refused_in_every_field(
    field: str, value: str
) -> None:
    with pytest.raises(InvalidEmailError):
        SET[field](value)


@pytest.mark.parametrize("field", ["text", "html", "subject"])
@pytest.mark.parametrize("value", ["\ud800", b"bytes", 7])
def test_a_text_that_utf_8_cannot_carry_is_refused_by_field(field: str, value: Any) -> None:
    fields: dict[str, Any] = {"text": "", field: value}
    with pytest.raises(InvalidEmailError, match=rf"^{field}: "):
        Email(to=ADA, **fields)


@pytest.mark.parametrize("value", [None, "a.txt", b"x", ["a.txt"], [("a.txt", b"x")]])
def test_only_attachments_are_attached(value: Any) -> None:
    with pytest.raises(InvalidEmailError, match=r"^attachments: "):
        Email(to=ADA, text="", attachments=value)


def test_the_options_of_the_queue_are_checked_too() -> None:
    naive = datetime(2026, 5, 1)  # noqa: DTZ001 - the naive time that must be refused
    bad: list[dict[str, Any]] = [
        {"send_at": naive},
        {"expires_at": naive},
        {"on_doubt": "x"},
        {"tags": 1},
        {"key": ""},
    ]
    for fields in bad:
        with pytest.raises(InvalidEmailError, match=f"^{next(iter(fields))}: "):
            Email(to=ADA, text="", **fields)


def test_an_email_is_frozen_and_a_changed_copy_is_checked_again() -> None:
    email = Email(to=ADA, text="", send_at=datetime(2026, 5, 1, tzinfo=UTC))
    with pytest.raises(FrozenInstanceError):
        email.subject = "a\r\nb"  # type: ignore[misc]  # the write that must fail
    assert replace(email, subject="new").subject == "new"
    with pytest.raises(InvalidEmailError):
        replace(email, subject="a\r\nb")
