"""Nothing but clean commands reaches the wire."""

import pytest

from outbox.smtp import command
from outbox.smtp.command import UnsendableError


def test_commands_are_encoded() -> None:
    assert command.ehlo("me.example") == b"EHLO me.example\r\n"
    assert command.helo("[192.0.2.1]") == b"HELO [192.0.2.1]\r\n"
    assert command.mail_from("a@example.com") == b"MAIL FROM:<a@example.com>\r\n"
    assert command.mail_from("") == b"MAIL FROM:<>\r\n"
    assert command.rcpt_to('"a b\\"c"@example.com') == b'RCPT TO:<"a b\\"c"@example.com>\r\n'
    assert command.rcpt_to("a+b@[IPv6:2001:db8::1]") == b"RCPT TO:<a+b@[IPv6:2001:db8::1]>\r\n"


@pytest.mark.parametrize(
    "address",
    [
        "a",
        "@example.com",
        "a@",
        "a@b@c",
        "a b@example.com",
        "<a@example.com>",
        "a@example.com> SIZE=1",
        "a@example.com\r\nDATA",
        "a@example.com\n",
        "a\0@example.com",
        "é@example.com",
        "a@é.example",
        '"a\r"@example.com',
        '"a@example.com',
        "a@exam ple.com",
        "@relay:a@example.com",
        "a" * 250 + "@example.com",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UnsendableError):
        command.rcpt_to(address)
    with pytest.raises(UnsendableError):
        command.mail_from(address)


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0x100), 0x2028])
def test_fault_71_no_control_or_8_bit_character_passes_anywhere(code: int) -> None:
    for encode in (command.ehlo, command.helo, command.rcpt_to, command.mail_from):
        for text in (f"a{chr(code)}@example.com", f'"{chr(code)}"@example.com', f"me{chr(code)}", chr(code)):
            with pytest.raises(UnsendableError):
                encode(text)
    with pytest.raises(UnsendableError) as caught:
        command.auth("PLAIN", f"c2VzYW1l{chr(code)}")
    assert "c2VzYW1l" not in str(caught.value)


def test_a_command_that_is_too_long_is_refused() -> None:
    assert len(command.ehlo("a" * (command.MAX_LINE - 7))) == command.MAX_LINE
    with pytest.raises(UnsendableError, match="longer than"):
        command.ehlo("a" * (command.MAX_LINE - 6))
    path = f"{'a' * (command.MAX_PATH - 14)}@example.com"
    assert command.rcpt_to(path).endswith(b">\r\n")
    with pytest.raises(UnsendableError, match="longer than"):
        command.rcpt_to(f"a{path}")


def test_auth_tells_an_empty_initial_response_from_none() -> None:
    assert command.auth("LOGIN", None) == b"AUTH LOGIN\r\n"
    assert command.auth("XOAUTH2", "") == b"AUTH XOAUTH2 =\r\n"
    assert command.auth("PLAIN", "AG1lAHNlc2FtZQ==") == b"AUTH PLAIN AG1lAHNlc2FtZQ==\r\n"


def test_an_answer_to_a_challenge_is_one_line_however_long() -> None:
    assert command.auth_response(b"") == b"\r\n"
    assert command.auth_response(b"\1") == b"AQ==\r\n"
    assert command.auth_response(b"\xff" * 9000).count(b"\n") == 1
    with pytest.raises(UnsendableError) as caught:
        command.auth_response(b"sesame" * 2000)
    assert str(caught.value) == "a command longer than 12288 bytes: a secret"
