"""The faults of a message: whatever an application gives, the wire holds what was meant and nothing else."""

import re
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from email.parser import BytesParser
from email.policy import compat32
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from outbox.delivery.mail import Envelope
from outbox.delivery.prepare import described, identified
from outbox.delivery.relay import Dsn
from outbox.errors import InvalidEmailError, SettingsError
from outbox.mail.address import Address
from outbox.mail.compose import compose
from outbox.mail.email import Attachment, Email
from outbox.settings import load
from outbox.smtp.body import dot_stuff
from outbox.smtp.command import DOT, UnsendableError
from outbox.smtp.extensions import Extensions
from tests.support.scripted import Peer, scripted
from tests.support.sending import BODY, deliver, envelope, kinds, relay_at
from tests.support.unstuffing import take_message

ID = UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
NOON = datetime(2026, 5, 1, 12, 3, 4, tzinfo=UTC)
SHOP = Address("Shop", "shop@example.org")
OFFERED = Extensions(pipelining=True, size=0, eightbitmime=True, smtputf8=True, dsn=True)
LONGEST_LINE = 998

PIECES = st.sampled_from(
    [
        *'a:;,<>()@"\\= \t\r\n\0\x0b\x0c\x1c\x1d\x1e\x7f\x85\u2028\u2029\ufefféё漢.',
        "\r\n",
        "\r\nBcc: eve@example.net",
        "\n\nforged",
        "\r\n\r\n.\r\nMAIL FROM:<eve@example.net>\r\n",
        "=?utf-8?q?a=0D=0ABcc=3A_eve?=",
        "=?utf-8?b?DQpCY2M6IGV2ZQ==?=",
        "\r\n ",
        "\r\n--=_a017f22e279b07cc398c4dc0c0c07398f--\r\n",
        "x" * 1200,
        "From ",
    ]
)
TEXTS = st.lists(PIECES, max_size=6).map("".join) | st.text(max_size=30)
PART_HEADERS = {"Content-Type", "Content-Transfer-Encoding", "Content-Disposition"}


@given(notify=st.lists(TEXTS, max_size=2), ret=st.none() | TEXTS, envid=TEXTS)
@example(notify=["NEVER"], ret="HDRS", envid="a+b=c d")
@example(notify=["NEVER RET=FULL"], ret=None, envid="")
@example(notify=["NEVER\r\nRCPT TO:<eve@example.net>"], ret="HDRS", envid="a\r\nRSET")
def test_fault_71_no_parameter_brings_more_than_one_clean_line(
    notify: list[str], ret: str | None, envid: str
) -> None:
    mail = Envelope("a@example.com", ("b@example.com",), BODY, envid)
    said = replace(described(mail, Dsn(tuple(notify))), ret=ret)
    encodings = (partial(said.mail, OFFERED), partial(said.rcpt, "b@example.com", OFFERED))
    for encode in encodings:
        with suppress(UnsendableError):
            line = encode()
            assert re.fullmatch(rb"[\x21-\x7e]+( [\x21-\x7e]+)*\r\n", line)
            assert len(re.findall(rb" (?:NOTIFY|RET|ENVID|SIZE)=", line)) == line.count(b" ") - 1
    if not notify:
        assert said.mail(OFFERED) == b"MAIL FROM:<a@example.com> SIZE=%d\r\n" % len(BODY)


@pytest.mark.usefixtures("no_settings")
@pytest.mark.parametrize(
    "name", ["X-Key: a\r\nBcc", "X-Key\r\n", "X-Key\n", "X Key", "X-K\xe9y", "X-Key:", "\0"]
)
def test_fault_71_the_header_by_which_a_relay_dedupes_is_a_header_name(name: str) -> None:
    with pytest.raises(SettingsError, match="smtp_idempotency_header"):
        load(smtp_idempotency_header=name)


@settings(max_examples=150, deadline=None)
@given(subject=TEXTS, name=TEXTS, header=TEXTS, value=TEXTS, filename=TEXTS, kind=TEXTS, text=TEXTS)
@example(subject="", name="", header="X-A", value="a", filename="a", kind="text/plain", text="\r\n.\r\n")
@example(subject="\x1c", name="\x85", header="X-A", value="\u2028", filename="\x1e", kind="a/b;c=d", text="")
@example(
    subject="a" * 2000,
    name="b " * 900,
    header="X-A",
    value="ü" * 900,
    filename="c" * 900,
    kind="a/b",
    text="d" * 5000,
)
def test_fault_72_a_composed_mail_has_the_expected_headers_and_parts_and_no_others(
    subject: str, name: str, header: str, value: str, filename: str, kind: str, text: str
) -> None:
    fields: dict[str, Any] = {"to": "ada@example.org", "text": text, "html": text}
    attachment: dict[str, Any] = {"filename": "a.bin", "content": b"\r\n.\r\n"}
    # One at a time, or the refusal of one would hide what another does.
    cases: list[tuple[dict[str, Any], set[str]]] = [
        ({"subject": subject}, set()),
        ({"headers": {header: value}}, {header}),
        ({"headers": {"X-Own": value}}, {"X-Own"}),
        ({}, set()),
    ]
    for changes, own in cases:
        with suppress(InvalidEmailError):
            assert_holds_only(Email(**fields | changes), {"To"} | own, files=0)
    for change in [{"filename": filename}, {"content_type": kind}]:
        with suppress(InvalidEmailError):
            files = [Attachment(**attachment | change)]
            assert_holds_only(Email(**fields, attachments=files), {"To"}, files=1)
    with suppress(InvalidEmailError):
        ada = Address(name, "ada@example.org")
        email = Email(**fields | {"to": ada}, cc=ada, reply_to=ada, bcc="eve@example.org")
        assert_holds_only(email, {"To", "Cc", "Reply-To"}, files=0)


def assert_holds_only(email: Email, own: set[str], *, files: int) -> None:
    """Assert what one mail is: to a parser that is not ours, to a strict server, and line by line."""
    raw = compose(email, id=ID, sender=SHOP, at=NOON)
    message = BytesParser(policy=compat32).parsebytes(raw)
    expected = {"Date", "From", "Subject", "Message-ID", "MIME-Version", "Content-Type"} | own
    assert sorted(expected) == sorted(message.keys())
    assert all(set(part.keys()) <= PART_HEADERS for part in message.walk() if part is not message)
    assert len([part for part in message.walk() if not part.is_multipart()]) == 2 + files
    head = raw.partition(b"\r\n\r\n")[0].decode()
    names = [line.partition(":")[0] for line in head.split("\r\n") if line[0] not in " \t"]
    assert sorted(expected) == sorted(names)
    assert b"eve@example.org" not in raw
    assert_crosses_the_wire(raw)


def assert_crosses_the_wire(raw: bytes) -> None:
    """Assert that a strict server reads `raw` back, within lines that every relay takes."""
    given_envelope = Envelope("a@example.com", ("b@example.com",), raw, str(ID))
    body = identified(given_envelope, "X-Key").body
    assert re.fullmatch(rb"X-Key: [0-9a-f-]+\r\n", body.removesuffix(raw))
    wire = dot_stuff(body) + DOT
    assert re.search(rb"\r(?!\n)|(?<!\r)\n", wire) is None
    assert max(map(len, raw.split(b"\r\n"))) <= LONGEST_LINE
    assert take_message(wire) == (body, b"")


@settings(deadline=None)
@given(st.text(max_size=200) | st.lists(PIECES, max_size=20).map("".join))
@example("x" * 998)
@example("x" * 999)
@example("é" * 499 + "\n" + "x" * 2000)
@example(".\n" * 20 + "." * 1000)
def test_fault_74_any_text_reaches_the_wire_in_lines_of_998_octets_at_most(text: str) -> None:
    assert_crosses_the_wire(compose(Email(to="ada@example.org", text=text), id=ID, sender=SHOP, at=NOON))


@pytest.mark.parametrize("smuggled", [b"\n.\r\n", b"\r.\r\n", b"\n.\n", b"\r\n.\r", b"\r.\r", b"\r\n.\n"])
def test_fault_73_what_some_server_takes_for_the_end_of_a_message_never_leaves(smuggled: bytes) -> None:
    body = BODY + b"a" + smuggled + b"MAIL FROM:<eve@example.net>\r\n"

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        assert peer.take_mail() == BODY
        peer.take_quit()
        assert b"eve" not in peer.heard

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope(body=body), envelope())
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [["Rejected"], ["Sent"]]


def test_fault_75_the_envelope_is_what_was_given_and_never_what_the_headers_say(writes: list[bytes]) -> None:
    body = b"From: eve@example.net\r\nTo: eve@example.net\r\nBcc: eve@example.net\r\n\r\nHello.\r\n"

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        assert peer.take_mail() == body
        peer.take_quit()

    with scripted(server) as relay:
        deliver(relay_at(relay.port), envelope(body=body))
    assert writes[1] == b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n"
