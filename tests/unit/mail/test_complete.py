"""Bytes that anybody wrote become a mail that every relay takes, and what was right already stays."""

from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP, compat32
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from outbox.errors import InvalidEmailError
from outbox.mail.complete import Completed, completed
from outbox.mail.compose import compose
from outbox.mail.email import Address, Email

ID = UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
NOON = datetime(2026, 5, 1, 12, 3, 4, tzinfo=UTC)
SHOP = "shop@example.org"
OURS = f"<{ID.hex}@example.org>"
DATE = b"Date: Fri, 01 May 2026 12:03:04 +0000\r\n"
WHOLE = (
    b"DKIM-Signature: v=1;\r\n\tb=abc\r\ndate: yesterday\r\nFROM: a@example.org\r\nTo: b@example.org\r\n"
    b"Message-ID: <1@example.org>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nHello\r\n.\r\n"
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200) | st.text(
    "a: .=\r\n\tü", max_size=200
)
SUBJECTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp", "Cf", "Co", "Cn"]) | st.just(" "),
    max_size=90,
).map(str.strip)


def done(mime: bytes, *, sender: str = SHOP, at: datetime = NOON, renew: bool = False) -> Completed:
    return completed(mime, id=ID, sender=sender, at=at, renew=renew)


def parsed(raw: bytes) -> EmailMessage:
    message = BytesParser(policy=SMTP).parsebytes(raw)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    return message


def body_of(raw: bytes) -> str:
    payload = parsed(raw).get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def test_a_message_that_needs_nothing_comes_back_byte_for_byte() -> None:
    assert Completed(WHOLE, "<1@example.org>", "Grüße") == done(WHOLE)


def test_what_the_library_composed_needs_nothing() -> None:
    email = Email(to="ada@example.org", subject="Für Ada", text="ü\n", html="<p>ü")
    mime = compose(email, id=ID, sender=Address("Shop", SHOP), at=NOON)
    assert Completed(mime, OURS, "Für Ada") == done(mime)


def test_a_text_without_a_header_becomes_the_body() -> None:
    expected = DATE + (
        b"From: shop@example.org\r\nTo: undisclosed-recipients:;\r\nMessage-ID: " + OURS.encode() + b"\r\n"
        b"\r\nDear Ada: hello\r\nBcc: nobody\r\n"
    )
    assert Completed(expected, OURS, "") == done(b"Dear Ada: hello\nBcc: nobody")


def test_a_line_that_is_no_field_ends_the_header() -> None:
    mime = b"Date: x\r\nFrom: a@b.c\r\nTo: a@b.c\r\nMessage-ID: <1@b.c>\r\nno field: x\r\nBcc: text\r\n"
    assert mime.replace(b"no field", b"\r\nno field") == done(mime).mime


def test_a_message_may_end_behind_its_header() -> None:
    head = WHOLE.partition(b"\r\n\r\n")[0] + b"\r\n"
    assert head == done(head.removesuffix(b"\r\n")).mime


def test_what_is_missing_stands_on_top() -> None:
    mime = WHOLE.replace(b"date: yesterday\r\n", b"").replace(b"Message-ID: <1@example.org>\r\n", b"")
    expected = DATE + b"Message-ID: " + OURS.encode() + b"\r\n" + mime
    assert Completed(expected, OURS, "Grüße") == done(mime)


@pytest.mark.parametrize("field", [b"Date", b"From", b"Message-ID"])
def test_an_empty_field_is_a_missing_one(field: bytes) -> None:
    mime = b"Date: x\r\nFrom: a@b.c\r\nTo: a@b.c\r\nMessage-ID: <1@b.c>\r\n\r\n".replace(field, b"X-" + field)
    assert done(mime).mime == done(field + b": \r\n \r\n" + mime).mime


@pytest.mark.parametrize(
    "old", [b"Date: 1\nMessage-ID: <1@a.b>\n", b"DATE:\n\t1\nmessage-id:\n <1@\n a.b>\n"]
)
def test_a_renewed_message_has_a_new_date_and_message_id(old: bytes) -> None:
    rest = b"From: a@b.c\r\nTo: d@e.f\r\nSubject: again\r\n\r\nHello\r\n"
    expected = DATE + b"Message-ID: " + OURS.encode() + b"\r\n" + rest
    assert Completed(expected, OURS, "again") == done(old + rest, renew=True)


@pytest.mark.parametrize(
    ("hidden", "expected"),
    [
        (b"Bcc: eve@example.org\r\n", b""),
        (b"To: a@b.c\r\nbcc: eve@example.org,\r\n mallory@example.org\r\n", b"To: a@b.c\r\n"),
        (b"Cc: a@b.c\r\nResent-Bcc: eve@example.org\r\n", b"Cc: a@b.c\r\n"),
    ],
)
def test_blind_copies_are_not_sent(hidden: bytes, expected: bytes) -> None:
    head = DATE + b"From: a@b.c\r\nMessage-ID: <1@b.c>\r\n"
    undisclosed = b"" if expected else b"To: undisclosed-recipients:;\r\n"
    assert undisclosed + head + expected + b"\r\nHi\r\n" == done(head + hidden + b"\r\nHi\r\n").mime


@pytest.mark.parametrize(
    ("body", "content_type", "encoding"),
    [
        ("Grüße und allerlei mehr Text\n".encode(), "text/plain; charset=utf-8", "quoted-printable"),
        ("漢字\n".encode() * 20, "text/plain; charset=utf-8", "base64"),
        (b"x" * 999, "text/plain; charset=utf-8", "quoted-printable"),
        (b"NUL \0 and text", "text/plain; charset=utf-8", "quoted-printable"),
        (
            "Grüße und allerlei mehr Text\n".encode("latin-1"),
            "text/plain; charset=unknown-8bit",
            "quoted-printable",
        ),
    ],
)
def test_a_body_that_smtp_cannot_carry_is_encoded(body: bytes, content_type: str, encoding: str) -> None:
    mime = done(b"Subject: x\n\n" + body).mime
    added = f"MIME-Version: 1.0\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\n"
    assert f"{added}Subject: x\r\n\r\n".encode() in mime
    assert body.rstrip(b"\n").replace(b"\n", b"\r\n") + b"\r\n" == parsed(mime).get_payload(decode=True)


@pytest.mark.parametrize(
    ("head", "added"),
    [
        ("Content-Type: text/html; charset=utf-8\n", {"MIME-Version", "Content-Transfer-Encoding"}),
        ("Content-Type: text/html\nContent-Transfer-Encoding: 8bit\n", {"MIME-Version"}),
        ("Content-Type: multipart/mixed; boundary=ü\n", {"MIME-Version"}),
        ("MIME-Version: 1.0\n", set()),
    ],
)
def test_what_is_described_already_is_not_described_again(head: str, added: set[str]) -> None:
    names = ["MIME-Version", "Content-Type", "Content-Transfer-Encoding"]
    mime = done(f"{head}\nGrüße und Text\n".encode()).mime
    described = mime.partition(b"\r\n\r\n")[0].decode()
    given_already = [name for name in names if f"{name}:" in head]
    assert sorted([*added, *given_already]) == sorted(
        line.partition(":")[0] for line in described.splitlines() if line.partition(":")[0] in names
    )


def test_plain_text_is_left_without_mime_headers() -> None:
    assert b"MIME-Version" not in done(b"x" * 998 + b"\n").mime


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Grüße".encode(), "Grüße"),
        ("Gr\xfc\xdfe".encode("latin-1"), "Gr\ufffd\ufffde"),
        (b"=?utf-8?b?R3LD?= =?utf-8?b?vMOfZQ==?= to you", "Grüße to you"),
        (b"=?iso-8859-1?q?Gr=FC=DFe_?=\r\n =?utf-8*de?Q?an_Ada?=", "Grüße an Ada"),
        (b"=?no-charset?q?a=C3=BC?= =?utf-8?b?a?= b", "aüa b"),
        (b"a\x00\tb =?utf-8?q?=0D=0ABcc=3A_eve?=", "a  b   Bcc: eve"),
        (b"=?unicode_escape?q?=5Cud800?= x", "x"),
    ],
)
def test_the_subject_is_shown_as_it_is_read(raw: bytes, expected: str) -> None:
    assert expected == done(b"Subject: " + raw + b"\r\n\r\n").subject


def test_a_raw_subject_becomes_encoded_words_in_its_place() -> None:
    mime = done("X-A: 1\nSubject: Grüße\n aus Köln\nX-B: 2\n\n".encode()).mime
    assert b"X-A: 1\r\nSubject: =?utf-8?b?R3LDvMOfZSBhdXMgS8O2bG4=?=\r\nX-B: 2\r\n" in mime


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Müller <a@b.c>", [("Müller", "a@b.c")]),
        (
            '"Müller, \\"GmbH\\" & Söhne" <a@b.c>, Ann <d@e.f>',
            [('Müller, "GmbH" & Söhne', "a@b.c"), ("Ann", "d@e.f")],
        ),
        ('Jürgen "Jü" Müller<a@b.c>,\n ann@b.c', [("Jürgen Jü Müller", "a@b.c"), ("", "ann@b.c")]),
        ("=?utf-8?q?J=C3=BC?= Ü <a@b.c>", [("Jü Ü", "a@b.c")]),
        ("Jü\x01 (zoë) <a@b.c>", [("Jü", "a@b.c")]),
    ],
)
@pytest.mark.parametrize("name", ["From", "To", "Cc", "Reply-To", "Sender"])
def test_raw_names_beside_addresses_become_encoded_words(
    name: str, raw: str, expected: list[tuple[str, str]]
) -> None:
    if name == "Sender":
        raw, expected = raw.partition(">")[0] + ">", expected[:1]
    message = parsed(done(f"{name}: {raw}\n\n".encode()).mime)
    found = [(each.display_name, each.addr_spec) for each in message[name].addresses]
    assert expected == found
    assert done(f"{name}: {raw}\n\n".encode()).mime.isascii()


@pytest.mark.parametrize("raw", ["Jü <zoë@b.c>", "a@bücher.example", "zoë@b.c", "\x01 <a@b.c>, Ü <d@e.f>"])
def test_what_cannot_be_written_otherwise_stays_for_relays_with_smtputf8(raw: str) -> None:
    field = f"To: {raw}\r\n".encode()
    assert field in done(field + b"\r\n").mime


@pytest.mark.parametrize("signs", ["<", '"\\', '\\"', "(", "@", "a ", '"', "=?", "=?a?q?", "?= "])
@pytest.mark.parametrize("name", ["To", "Subject"])
@pytest.mark.timeout(20)
def test_much_of_one_sign_is_read_once(name: str, signs: str) -> None:
    done(f"{name}: ü{signs * (300_000 // len(signs))}\n\n".encode())


def test_a_long_name_becomes_words_that_are_read_as_one() -> None:
    mime = done(f"To: {'ü' * 200} <a@b.c>\n\n".encode()).mime
    assert max(map(len, mime.split(b"\r\n"))) <= 80
    written = BytesParser(policy=compat32).parsebytes(mime)["To"].replace("\r\n", "")
    assert f"{'ü' * 200} <a@b.c>" == str(make_header(decode_header(written)))


@pytest.mark.parametrize("mime", [b"", b" \r\n\t"])
def test_an_empty_message_is_refused(mime: bytes) -> None:
    with pytest.raises(InvalidEmailError, match=r"^mime: is empty: .* Give the whole message"):
        done(mime)


@pytest.mark.parametrize(
    "sender", ["", "ada", "a@b.c\r\nBcc: eve@example.org", "a@b.c>\nX: y", "A <a@b.c>", "a@b.c, d@e.f"]
)
def test_a_sender_that_is_no_mailbox_is_refused_where_it_is_needed(sender: str) -> None:
    with pytest.raises(InvalidEmailError, match=r"^sender: "):
        done(b"Hello", sender=sender)
    assert done(WHOLE, sender=sender).mime == WHOLE


@given(
    sender=st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
    | st.text("a@.b<> \r\n:", max_size=30)
)
@example("a@b.c")
def test_no_sender_adds_a_header(sender: str) -> None:
    try:
        message = parsed(done(b"Hello", sender=sender).mime)
    except InvalidEmailError:
        return
    assert message.keys() == ["Date", "From", "To", "Message-ID"]


@given(
    mime=st.binary(max_size=300)
    | TEXTS.map(str.encode)
    | st.text("a:ü \r\n\t=?", max_size=60).map(str.encode)
)
@example(WHOLE)
@example(b"Subject: x")
@example(b"\n\n\nx")
@example(b"Message-ID: \x00\n\nx")
@example(b"Subject:\xff\n\n\xff")
@example('To: \u2028" <a@b.c>'.encode())
@example(b"To: \xff\x00 \x85<a@b.c>")
def test_completing_again_changes_nothing(mime: bytes) -> None:
    if not mime.strip():
        return
    once = done(mime)
    assert once == done(once.mime, at=NOON + timedelta(days=1), sender="other@example.net")
    assert once.mime.count(b"\r") == once.mime.count(b"\n") == once.mime.count(b"\r\n")
    assert once.mime.endswith(b"\r\n")
    assert once.message_id
    assert (once.message_id + once.subject).replace(" ", "").isprintable()


@given(subject=SUBJECTS, text=TEXTS)
def test_a_reader_finds_the_subject_and_the_text_that_were_given(subject: str, text: str) -> None:
    result = done(f"To: ada@example.org\nSubject: {subject}\n\n{text}".encode())
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    lines += "" if lines.endswith("\n") or not lines else "\n"
    head = result.mime.partition(b"\r\n\r\n")[0]
    assert lines.replace("\n", "\r\n") == body_of(result.mime)
    assert max(map(len, result.mime.split(b"\r\n"))) <= 998
    if "=?" not in subject:
        assert (subject, subject) == (result.subject, parsed(head + b"\r\n\r\n")["Subject"])
