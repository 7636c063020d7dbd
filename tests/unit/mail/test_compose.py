"""The composed bytes say what the email says, to a parser that is not ours, and nothing else."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from email.parser import Parser
from email.policy import SMTPUTF8
from typing import Any
from uuid import UUID

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from outbox.errors import InvalidEmailError
from outbox.mail.address import Address
from outbox.mail.compose import compose
from outbox.mail.email import Attachment, Email
from tests.support.reading import mailbox_of, parsed

ID = UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
NOON = datetime(2026, 5, 1, 12, 3, 4, tzinfo=UTC)
SHOP = Address("Shop", "shop@example.org")
ADA = Address("Ada", "ada@example.org")
KNOWN = ["Date", "From", "To", "Subject", "Message-ID", "MIME-Version", "Content-Type"]

# Headers refuse C0 and DEL, so any text without these must arrive; bodies take everything.
LINES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=[*map(chr, range(32)), "\x7f"]), max_size=90
)
BODIES = st.text(st.characters(exclude_categories=["Cs"]), max_size=300) | st.text(
    "a =.\r\n\tü", max_size=300
)


def composed(**fields: Any) -> bytes:
    given_fields: dict[str, Any] = {"to": ADA, "text": ""} | fields
    return compose(Email(**given_fields), id=ID, sender=SHOP, at=NOON)


def body_of(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    assert part is not None
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def as_sent(text: str) -> str:
    """Return a body as it arrives: CRLF line ends, the last line ended."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return (lines if not lines or lines.endswith("\n") else f"{lines}\n").replace("\n", "\r\n")


def assert_fit_for_every_relay(raw: bytes) -> None:
    assert raw.isascii()
    assert b"\x00" not in raw
    assert re.search(rb"\r(?!\n)|(?<!\r)\n", raw) is None
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.endswith(b"\r\n")


def test_the_whole_of_a_plain_mail() -> None:
    raw = composed(
        to=["Ada <ada@example.org>", "bob@example.org"], subject="Your receipt", text="Thank you.\n"
    )
    assert raw.decode().split("\r\n") == [
        "Date: Fri, 01 May 2026 12:03:04 +0000",
        "From: Shop <shop@example.org>",
        "To: Ada <ada@example.org>, bob@example.org",
        "Subject: Your receipt",
        "Message-ID: <017f22e279b07cc398c4dc0c0c07398f@example.org>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 7bit",
        "",
        "Thank you.",
        "",
    ]


@settings(max_examples=120, deadline=None)
@given(subject=LINES, text=BODIES, html=BODIES, name=LINES, filename=LINES)
@example(subject="=?utf-8?q?x?=", text=".\r\n\r", html="From a", name="=?x?", filename="=?utf-8?q?a?=.txt")
@example(subject=" a  b ", text="a \n", html="\x85\u2028\x0b", name='a"b\\,', filename="\x85\u2028;=\"'%.txt")
@example(subject="\x85", text="", html="=" * 90, name="\u2028a", filename="a\xa0")
@example(subject="a" * 90, text="x " * 150, html="\x00", name="漢" * 90, filename="漢" * 90)
def test_any_text_arrives_as_it_was_given(
    subject: str, text: str, html: str, name: str, filename: str
) -> None:
    address = Address(name, "ada@example.org")
    attachment = Attachment(f"f{filename}", b"\x00\xff")
    raw = composed(to=address, subject=subject, text=text, html=html, attachments=[attachment])
    message = parsed(raw)
    assert_fit_for_every_relay(raw)
    assert message.keys() == KNOWN
    assert message["Subject"] == subject
    assert mailbox_of(raw, "To") == (address.name, address.email)
    assert (body_of(message, "plain"), body_of(message, "html")) == (as_sent(text), as_sent(html))
    assert [(one.get_filename(), one.get_payload(decode=True)) for one in message.iter_attachments()] == [
        (attachment.filename, b"\x00\xff")
    ]


@settings(max_examples=80, deadline=None)
@given(text=BODIES)
def test_a_mail_of_one_body_arrives_as_it_was_given(text: str) -> None:
    raw = composed(text=text)
    assert_fit_for_every_relay(raw)
    assert body_of(parsed(raw), "plain") == as_sent(text)


@settings(max_examples=80, deadline=None)
@given(value=LINES.map(lambda text: text.replace("=?", "").strip(" ")).filter(bool))
def test_any_own_header_arrives_as_it_was_given(value: str) -> None:
    raw = composed(headers={"X-Own": value})
    assert_fit_for_every_relay(raw)
    assert parsed(raw)["X-Own"] == value


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"bcc": "eve@example.org"}, {"To": "Ada <ada@example.org>", "Cc": None}),
        ({"to": (), "bcc": "eve@example.org"}, {"To": "undisclosed-recipients:;", "Cc": None}),
        ({"to": (), "cc": "ada@example.org"}, {"To": None, "Cc": "ada@example.org"}),
        ({"reply_to": "help@example.org"}, {"Reply-To": "help@example.org"}),
    ],
)
def test_a_hidden_recipient_is_nowhere_in_the_mail(
    fields: dict[str, Any], expected: dict[str, str | None]
) -> None:
    raw = composed(**fields)
    message = parsed(raw)
    assert expected == {name: message[name] for name in expected}
    assert b"eve" not in raw
    assert b"bcc" not in raw.lower()


def test_the_same_email_gives_the_same_bytes_and_another_id_others() -> None:
    email = Email(to=ADA, text="t", html="h", attachments=[Attachment("a", b"b")])
    first, again = (compose(email, id=ID, sender=SHOP, at=NOON) for _ in range(2))
    other = compose(email, id=UUID(int=1), sender=SHOP, at=NOON)
    assert first == again
    assert ID.hex.encode() not in other


def test_the_date_is_the_instant_in_utc() -> None:
    at = datetime(2026, 3, 1, 1, 0, tzinfo=timezone(timedelta(hours=2)))
    raw = compose(Email(to=ADA, text=""), id=ID, sender=SHOP, at=at)
    assert raw.startswith(b"Date: Sat, 28 Feb 2026 23:00:00 +0000\r\n")


def test_a_naive_date_raises() -> None:
    with pytest.raises(ValueError, match="time zone"):
        compose(Email(to=ADA, text=""), id=ID, sender=SHOP, at=NOON.replace(tzinfo=None))


def test_an_international_domain_is_an_a_label_in_every_header() -> None:
    assert mailbox_of(composed(to="Ada <ada@bücher.example>"), "To") == ("Ada", "ada@xn--bcher-kva.example")


def mailboxes_of(raw: bytes, field: str) -> list[Address]:
    """Return the mailboxes of a header as a reader of RFC 6532 sees them."""
    # Decoded first: of bytes, the parser shows each octet of an address for itself.
    header = Parser(policy=SMTPUTF8).parsestr(raw.decode())[field]
    assert isinstance(header, AddressHeader)
    return [Address(one.display_name, one.addr_spec) for one in header.addresses]


def test_the_whole_of_a_mail_between_international_mailboxes() -> None:
    email = Email(to=["Zoë <zoë@bücher.example>", "用户@example.org"], subject="Grüße", text="Grüße\n")
    raw = compose(email, id=ID, sender=Address("Läden", "läden@bücher.example"), at=NOON)
    assert raw.decode().split("\r\n") == [
        "Date: Fri, 01 May 2026 12:03:04 +0000",
        "From: =?utf-8?b?TMOkZGVu?= <läden@xn--bcher-kva.example>",
        "To: =?utf-8?q?Zo=C3=AB?= <zoë@xn--bcher-kva.example>, 用户@example.org",
        "Subject: =?utf-8?b?R3LDvMOfZQ==?=",
        "Message-ID: <017f22e279b07cc398c4dc0c0c07398f@xn--bcher-kva.example>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: base64",
        "",
        "R3LDvMOfZQ0K",
        "",
    ]


LOCALS = st.text(
    st.characters(categories=["L", "N", "Mn", "Mc", "Sm", "So", "Po"]) | st.sampled_from("az09!+/=ëя漢.")
)


@settings(max_examples=200, deadline=None)
@given(locals_=st.lists(LOCALS, min_size=1, max_size=40), name=st.sampled_from(["", "Ada", "A, B", "Zoë"]))
@example(locals_=["漢" * 21] * 40, name="Zoë")
@example(locals_=["ü"], name="")
def test_any_international_mailbox_arrives_as_it_was_given(locals_: list[str], name: str) -> None:
    given_addresses = []
    for local in locals_:
        with suppress(InvalidEmailError):
            given_addresses.append(Address(name, f"{local}@example.org"))
    assume(given_addresses)
    raw = composed(to=given_addresses, reply_to=given_addresses[0], bcc="hidden@example.org")
    head, _, rest = raw.partition(b"Subject: ")
    assert_fit_for_every_relay(rest)
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert given_addresses == mailboxes_of(raw, "To")
    assert given_addresses[:1] == mailboxes_of(raw, "Reply-To")
    assert ["Date", "From", "To", "Reply-To", *KNOWN[3:], "Content-Transfer-Encoding"] == parsed(raw).keys()


def test_a_hidden_international_recipient_leaves_the_mail_in_ascii() -> None:
    assert composed(bcc="zoë@example.org") == composed()


def test_fault_72_an_injection_that_got_past_the_email_is_stopped_at_the_bytes() -> None:
    email = Email(to=ADA, text="", headers={"X-Own": "a"})
    email.headers["X-Own"] = "a\r\nBcc: eve@example.org"
    with pytest.raises(ValueError, match="another"):
        compose(email, id=ID, sender=SHOP, at=NOON)


def test_a_thousand_recipients_fit() -> None:
    to = [Address("Zoë, the Many", f"a{number}@example.org") for number in range(1000)]
    raw = composed(to=to)
    assert_fit_for_every_relay(raw)
    assert raw.count(b"@example.org>") == 1000 + 2
