"""A message as programs hand it to sendmail: from and to whom it is, and that its bytes stay."""

import pytest

from outbox.errors import InvalidEmailError
from outbox.mail.received import Received, qualified, split_addresses, until_dot

DOMAIN = "host.example.org"


def received(header: str, body: str = "Hello.\n") -> Received:
    return Received(f"{header}\n\n{body}".encode(), DOMAIN)


def emails(message: Received) -> list[str]:
    return [each.email for each in message.recipients()]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a\n.\nb\n", b"a\n"),
        (b"a\r\n.\r\nb", b"a\r\n"),
        (b"a\n.", b"a\n"),
        (b".\na", b""),
        (b"a\n.b\n..\n. \nc\n", b"a\n.b\n..\n. \nc\n"),
    ],
)
def test_a_lone_dot_ends_a_message(data: bytes, expected: bytes) -> None:
    assert expected == until_dot(data)


def test_all_who_are_named_in_the_header_get_it_once() -> None:
    message = received(
        'To: Ada <ada@example.org>, "B, C" <bob@example.org>\nCc: Team: carl@example.org,\n dora@example.org;'
        "\n"
        "Bcc: ada@Example.org, root\nReply-To: nobody@example.org"
    )
    assert emails(message) == [
        "ada@example.org",
        "bob@example.org",
        "carl@example.org",
        "dora@example.org",
        f"root@{DOMAIN}",
    ]


def test_who_gets_it_again_is_named_in_its_resent_fields() -> None:
    assert emails(received("To: a@example.org\nResent-To: b@example.org\nResent-Bcc: c")) == [
        "b@example.org",
        f"c@{DOMAIN}",
    ]


@pytest.mark.parametrize(
    "value",
    [
        "a@x.org b@x.org",
        "evil@x.org <victim@y.org>",
        "<>",
        "x y z",
        "a@x.org; b@x.org",
        "a@@b",
        "a@[10.0.0.1]",
    ],
)
def test_what_is_not_plainly_addresses_is_refused(value: str) -> None:
    with pytest.raises(InvalidEmailError):
        received(f"To: {value}").recipients()
    with pytest.raises(InvalidEmailError):
        split_addresses("recipient", [value], DOMAIN)


def test_a_message_with_domains_stays_byte_for_byte_but_for_line_ends() -> None:
    data = (
        b'From: "A, B"   <a@example.org>\nTo:b@example.org\nX-Odd:  \t x\nBcc: c@example.org\n\n.Hello\r\n\nx'
    )
    assert Received(data, DOMAIN).mime == data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n"


def test_addresses_of_the_header_without_a_domain_get_one() -> None:
    message = received("From: root (Cron Daemon)\nTo: Ops <ops>, ada@example.org\nSubject: root")
    assert (
        message.mime
        == (
            f"From: Cron Daemon <root@{DOMAIN}>\r\nTo: Ops <ops@{DOMAIN}>, ada@example.org\r\n"
            "Subject: root\r\n\r\nHello.\r\n"
        ).encode()
    )


def test_what_no_reader_understands_is_left_to_its_writer() -> None:
    message = received("From: what ever\nTo: a@example.org")
    assert message.mime.startswith(b"From: what ever\r\n")
    assert message.sender() is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("From: Ada <ada@example.org>", "ada@example.org"),
        ("From: a@example.org, b@example.org\nSender: b@example.org", "b@example.org"),
        ("From: a@example.org, b@example.org", None),
        ("From: a@example.org\nFrom: b@example.org", None),
        ("From:\nTo: a@example.org", None),
        ("From: root", f"root@{DOMAIN}"),
    ],
)
def test_the_sender_is_the_one_mailbox_that_it_is_from(header: str, expected: str | None) -> None:
    found = received(header).sender()
    assert expected == (found and found.email)


def test_the_line_of_a_mailbox_is_no_part_of_the_message() -> None:
    data = b"From ada Mon Nov 30 07:00:00 2026\nSubject: hello\n\nFrom here on\n"
    assert Received(data, DOMAIN).mime == b"Subject: hello\r\n\r\nFrom here on\r\n"


def test_a_name_gets_the_domain_and_an_address_keeps_its_own() -> None:
    assert qualified("-f", " root ", DOMAIN).email == f"root@{DOMAIN}"
    assert qualified("-f", "a@example.org", DOMAIN).email == "a@example.org"
    with pytest.raises(InvalidEmailError):
        qualified("-f", "", DOMAIN)
