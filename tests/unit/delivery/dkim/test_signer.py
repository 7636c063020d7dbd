"""Every mail that we can make verifies by a stranger's code, as long as nobody changes it."""

import re
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outbox.delivery.dkim.key import Kind
from outbox.delivery.dkim.signer import Signer
from outbox.mail.address import Address, parse_address
from outbox.mail.complete import completed
from outbox.mail.compose import compose
from outbox.mail.email import Attachment, Email
from outbox.smtp.body import dot_stuff
from tests.support.signatures import AT, both, records, signatory, verified

ID = UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
NOON = datetime(2026, 5, 1, 12, 3, 4, tzinfo=UTC)
SHOP = Address("Käthes Laden", "shop@example.org")
ADA = Address("Ada", "ada@example.com")
PDF = Attachment(filename="März.pdf", content=bytes(range(256)) * 20, content_type="application/pdf")
BULK = {
    "List-Unsubscribe": "<https://example.org/u>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    "In-Reply-To": "<a@example.org>",
    "References": "<a@example.org> <b@example.org>",
    "Auto-Submitted": "auto-generated",
}
SIGNER = both()
RECORDS = records(SIGNER.signatories)


def composed(email: Email, sender: Address = SHOP) -> bytes:
    return compose(email, id=ID, sender=sender, at=NOON)


def by_sql(mime: bytes) -> bytes:
    return completed(mime, id=ID, sender="shop@example.org", at=NOON).mime


SHAPES = {
    "text": composed(Email(to=ADA, subject="Tea", text="Hot.")),
    "nothing": composed(Email(to=ADA, subject="", text="")),
    "html": composed(Email(to=ADA, subject="Tea", text="Hot.", html="<p>Hot.</p>")),
    "attachment": composed(Email(to=ADA, subject="Tea", text="Hot.", attachments=[PDF])),
    "unicode": composed(Email(to=Address("Ådå", "ada@example.com"), subject="Grüße " * 30, text="Grüße\n")),
    "international": composed(Email(to="zoë@example.org", subject="Tea", text="Hot.")),
    "dots and spaces": composed(Email(to=ADA, subject="Tea", text=".\n..x  \t\n \n\n\t\n\n")),
    "bulk": composed(Email(to=ADA, cc=ADA, reply_to=SHOP, subject="Tea", text="Hot.", headers=BULK)),
    "sql": by_sql(b"Subject: Tea\nTo: ada@example.com\n\nHot. \n\n  \n"),
    "sql without an end": by_sql(b"Subject: Tea\r\n\r\nHot."),
    "sql without a body": by_sql(b"Subject: Tea"),
    "sql without a header": by_sql("Grüße, no header".encode()),
    "8-bit": by_sql(b"MIME-Version: 1.0\nSubject:\tTea\n\tand  milk \n\n" + b"\xff \t"),
    "unended": b"From: shop@example.org\r\nSubject: x\r\n\r\nno end \t",
    "folded": by_sql(b"from:\n\tShop\n <shop@EXAMPLE.org>\nTO: a@example.com\n\nx\n"),
    "received": by_sql(
        b"Received: a\nReceived: b\nFrom: shop@example.org\nTo: a@b.example\nTo: c@d.example\n\nx"
    ),
}


@pytest.mark.parametrize("mime", SHAPES.values(), ids=SHAPES)
def test_both_signatures_of_every_shape_of_mail_are_good(mime: bytes) -> None:
    signed = SIGNER.signed(mime, AT)
    assert signed.endswith(mime)
    # What verifies is what the wire carries, before its dots are doubled.
    sent = signed if signed.endswith(b"\r\n") else signed + b"\r\n"
    assert dot_stuff(signed).replace(b"\r\n..", b"\r\n.") == sent
    assert verified(sent, RECORDS) == [True, True]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200) | st.text("a =.\r\n\tü", max_size=200)
LINES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=[*map(chr, range(32)), "\x7f"]), max_size=90
).filter(lambda line: "=?" not in line)


@settings(max_examples=50, deadline=None)
@given(text=TEXTS, html=st.none() | TEXTS, subject=LINES, kind=st.sampled_from(Kind))
def test_whatever_can_be_composed_verifies(text: str, html: str | None, subject: str, kind: Kind) -> None:
    one = Signer([signatory(kind)])
    mime = composed(Email(to=ADA, subject=subject, text=text, html=html))
    assert verified(one.signed(mime, AT), RECORDS) == [True]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from([b"a", b" ", b"\t", b"\n", b"\r\n", b".", b"\xc3\xbc", b"\xff"])).map(b"".join)
)
def test_whatever_sql_inserts_verifies_as_it_is_completed(body: bytes) -> None:
    mime = by_sql(b"From: shop@example.org\nSubject: x\n\n" + body)
    assert verified(SIGNER.signed(mime, AT), RECORDS) == [True, True]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Hot.", b"hot."),
        (b"Subject: Tea", b"Subject: tea"),
        (b"ada@example.com", b"eve@example.com"),
        (b"\r\nTo: ", b"\r\nReply-To: eve@example.com\r\nTo: "),
        (b"\r\nTo: ", b"\r\nCc: eve@example.com\r\nTo: "),
        (b"\r\nSubject: ", b"\r\nSubject: Free\r\nSubject: "),
        (b"\r\nFrom: ", b"\r\nFrom: eve@example.com\r\nFrom: "),
        (b"\r\nMIME-Version", b"\r\nContent-Type: text/html\r\nMIME-Version"),
        (b"t=1767225600", b"t=1767225601"),
    ],
)
def test_a_mail_that_somebody_changed_or_added_to_does_not_verify(old: bytes, new: bytes) -> None:
    signed = SIGNER.signed(SHAPES["text"], AT)
    assert old in signed
    assert verified(signed.replace(old, new), RECORDS) == [False, False]


def test_white_space_and_headers_that_relays_add_change_nothing() -> None:
    signed = SIGNER.signed(SHAPES["text"], AT)
    relayed = b"Received: by relay\r\n" + signed.replace(b"Subject: Tea", b"subject:  Tea ") + b"\r\n\r\n"
    assert verified(relayed, RECORDS) == [True, True]


def test_the_same_mail_at_the_same_time_has_the_same_signature_and_at_another_time_another() -> None:
    mime = SHAPES["text"]
    assert SIGNER.signed(mime, AT) == SIGNER.signed(mime, AT)
    assert SIGNER.signed(mime, AT) != SIGNER.signed(mime, AT + 1)


@pytest.mark.parametrize(
    "head",
    [
        b"From: shop@example.com\r\n",
        b"From: shop@mail.example.org\r\n",
        b'From: "shop@example.org" <shop@example.com>\r\n',
        b"From: shop@example.org, eve@example.com\r\n",
        b"From: shop@example.org\r\nFrom: shop@example.org\r\n",
        b"From: nobody\r\n",
        b"Sender: shop@example.org\r\n",
        b"",
    ],
)
def test_a_mail_whose_from_is_not_one_mailbox_of_a_domain_with_a_key_goes_unsigned(head: bytes) -> None:
    mime = head + b"Subject: x\r\n\r\nx\r\n"
    assert mime == SIGNER.signed(mime, AT)


def test_only_the_keys_of_the_domain_in_from_sign() -> None:
    signer = Signer([signatory(Kind.ED25519, "example.com"), signatory(Kind.ED25519, "example.org")])
    signed = signer.signed(SHAPES["text"], AT)
    assert re.findall(rb"\bd=([a-z.]+);", signed) == [b"example.org"]
    other = composed(Email(to=ADA, text="x"), parse_address("sender", "a@EXAMPLE.com"))
    assert re.findall(rb"\bd=([a-z.]+);", signer.signed(other, AT)) == [b"example.com"]


@pytest.mark.parametrize(
    "mime", [b"", b"From: shop@example.org", b"From: shop@example.org\n\nx\ny", b"\r\n", b"\r"]
)
def test_bytes_that_are_no_message_break_nothing(mime: bytes) -> None:
    assert SIGNER.signed(mime, AT).endswith(mime)


def test_no_line_of_a_signature_is_longer_than_77_and_the_headers_that_matter_are_named_once_more() -> None:
    signed = SIGNER.signed(SHAPES["bulk"], AT).removesuffix(SHAPES["bulk"])
    assert max(map(len, signed.split(b"\r\n"))) <= 77
    unfolded = re.sub(rb"\r\n\t", b"", signed.partition(b"\r\nDKIM-Signature")[0])
    found = re.search(rb"h=([^;]*);", unfolded)
    assert found is not None
    names = found[1].decode().split(":")
    twice = ["from", "to", "cc", "subject", "date", "message-id", "reply-to"]
    twice += ["mime-version", "content-type", "content-transfer-encoding"]
    once = [name.lower() for name in BULK]
    assert {name: names.count(name) for name in names} == dict.fromkeys(twice, 2) | dict.fromkeys(once, 1)
