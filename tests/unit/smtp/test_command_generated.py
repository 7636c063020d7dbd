"""No string whatever brings more than one clean line to the wire, or a message's end before its end."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from outbox.smtp import command
from outbox.smtp.command import MAX_AUTH_LINE, MAX_LINE, MAX_PATH
from tests.fuzz.command import check_commands, check_message, check_secret

pieces = st.sampled_from(
    [
        *'a.@<>"\\ []:,;()%\r\n\0\t\x7f\x85\u2028\u202eé\ud800',
        "\r\n",
        "example.com",
        "[IPv6:2001:db8::1]",
        "\r\nDATA\r\n",
        "> SIZE=1",
        "x" * 60,
        "x" * MAX_PATH,
    ],
)
texts = st.one_of(st.text(), st.lists(pieces, max_size=12).map("".join))
locals_ = st.one_of(texts, texts.map(lambda text: f'"{text}"'), st.text("aB.!#$%&'*+/=?^_`{|}~-", min_size=1))
domains = st.one_of(texts, st.sampled_from(["Example.COM", "[192.0.2.1]", "a-b.C"]))
# Most are all but right, which is where a guard leaks.
addresses = st.builds("{}{}@{}{}".format, st.just("") | pieces, locals_, domains, st.just("") | pieces)
legal_locals = st.one_of(
    st.text("aB.!#$%&'*+/=?^_`{|}~-", min_size=1, max_size=64),
    st.text('aB .@<>,;"\\', max_size=20).map(lambda text: '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'),
)
legal_domains = st.sampled_from(["Example.COM", "[192.0.2.1]", "[IPv6:2001:db8::1]", "a-b.C"])
line_pieces = st.sampled_from(
    [b".", b"..", b"\r\n", b"\r", b"\n", b"\r\n.\r\n", b"\n.\n", b"x", b"\xff", b"\0"]
)


@given(st.one_of(texts, addresses, st.builds("{}={}".format, st.text("aB-"), texts)))
@example("A=\ud800")
@example(f"A={'x' * MAX_LINE}")
@example("a\u200bb@example.com")
@example("a\udcffb@example.com")
@example("a@" + "x" * MAX_LINE)
def test_fault_71_any_string_as_a_name_or_an_address_is_refused_or_stands_in_one_line(text: str) -> None:
    check_commands(text)


@given(st.builds("{}@{}".format, legal_locals, legal_domains))
def test_every_legal_address_is_said_letter_by_letter(address: str) -> None:
    said = command.mail_from(address), command.rcpt_to(address)
    assert (f"MAIL FROM:<{address}>\r\n".encode(), f"RCPT TO:<{address}>\r\n".encode()) == said


@given(texts, texts)
@example("PLAIN", "x" * (MAX_AUTH_LINE - 28))
@example("PLAIN", "x" * (MAX_AUTH_LINE - 27))
@example("sesame-\ud800", "open-sesame")
def test_fault_71_any_user_name_and_password_are_refused_unnamed_or_stand_in_one_line(
    user: str, secret: str
) -> None:
    check_secret(user, secret)


@given(st.one_of(st.binary(), st.lists(line_pieces).map(b"".join)))
@example(b"")
@example(b".")
@example(b"\r\n")
def test_fault_73_any_message_is_refused_or_read_back_by_a_strict_server(body: bytes) -> None:
    check_message(body)
