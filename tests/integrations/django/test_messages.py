"""The same message says the same, whether Django's SMTP backend sends it or ours queues it.

What differs stands in `DIFFERENCES`, and is asserted as everything else is.
"""

import email.policy
from collections.abc import Callable
from dataclasses import dataclass, replace
from email import message_from_bytes
from email.message import EmailMessage as Parsed
from email.mime.text import MIMEText
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend
from django.test import override_settings

from outbox.integrations.django import EmailBackend, outbox_connection
from outbox.store.schema import delivery, message
from tests.integrations.django.project import HAS_MAILERS
from tests.integrations.django.shapes import (
    PNG,
    SENDER,
    SHAPES,
    TO,
    alternatives,
    latin,
    plain,
)

pytestmark = pytest.mark.usefixtures("sqlite")


@dataclass(frozen=True)
class Said:
    """What a message says to its reader and to the relay; line ends and encodings do not count."""

    sender: str
    recipients: tuple[str, ...]
    headers: frozenset[tuple[str, str]]
    parts: tuple[tuple[str, str | None, str | None, str | bytes], ...]


_OF_EACH_TRY = {"date", "message-id", "mime-version", "content-type", "content-transfer-encoding"}


def said(sender: str, recipients: list[str], raw: bytes) -> Said:
    parsed = message_from_bytes(raw, policy=email.policy.SMTP)
    assert isinstance(parsed, Parsed)
    assert not parsed.defects
    headers = {
        (name.lower(), str(value)) for name, value in parsed.items() if name.lower() not in _OF_EACH_TRY
    }
    return Said(sender, tuple(recipients), frozenset(headers), tuple(_parts(parsed)))


def _parts(parsed: Parsed) -> Any:
    for part in parsed.walk():
        content: str | bytes = ""
        if not part.is_multipart():
            content = part.get_content()
        if isinstance(content, str):
            content = content.replace("\r\n", "\n").rstrip("\n")
        yield part.get_content_type(), part.get_filename(), part.get_content_disposition(), content


class Relay:
    """What stands where Django's SMTP backend has its connection."""

    def __init__(self) -> None:
        self.taken: list[Said] = []

    def sendmail(self, sender: str, recipients: list[str], raw: bytes) -> None:
        self.taken.append(said(sender, recipients, raw))


def by_django(made: EmailMessage) -> Said:
    options = {"alias": "default", "host": "127.0.0.1"} if HAS_MAILERS else {}
    backend = SmtpBackend(**options)
    backend.connection = relay = Relay()
    assert backend.send_messages([made]) == 1
    (taken,) = relay.taken
    # The address alone is the envelope's: smtplib takes a name off.
    bare = [address.rpartition("<")[2].rstrip(">") for address in (taken.sender, *taken.recipients)]
    return replace(taken, sender=bare[0], recipients=tuple(bare[1:]))


def queued() -> tuple[str, list[str], bytes]:
    with outbox_connection() as connection:
        row = connection.execute(message.select()).one()
        recipients = connection.execute(delivery.select().order_by(delivery.c.n)).all()
    return row.sender, [each.recipient for each in recipients], row.mime


def by_us(made: EmailMessage) -> Said:
    assert EmailBackend().send_messages([made]) == 1
    return said(*queued())


def _alone(usual: Said) -> Said:
    # There is nothing beside it to choose from.
    return replace(usual, parts=usual.parts[1:])


def _undisclosed(usual: Said) -> Said:
    return replace(usual, headers=usual.headers | {("to", "undisclosed-recipients:;")})


DIFFERENCES: dict[str, Callable[[Said], Said]] = {
    "html beside an empty text": _alone,
    "only bcc": _undisclosed,
}
"""What becomes of what Django says, where ours says it otherwise."""


@pytest.mark.parametrize("shape", SHAPES)
def test_a_message_says_what_it_says_by_django_s_own_backend(shape: str, tmp_path: Path) -> None:
    usual = by_django(SHAPES[shape](tmp_path))
    if shape in DIFFERENCES:
        usual = DIFFERENCES[shape](usual)
    assert by_us(SHAPES[shape](tmp_path)) == usual


@pytest.mark.parametrize("shape", SHAPES)
def test_no_message_tells_who_gets_it_blindly(shape: str, tmp_path: Path) -> None:
    by_us(SHAPES[shape](tmp_path))
    assert b"dan@example.org" not in queued()[2]
    assert message_from_bytes(queued()[2])["Bcc"] is None


# A mail of Django's within another has a Message-ID of its own, new each time.
@pytest.mark.parametrize("shape", sorted(SHAPES.keys() - {"a mail of Django's"}))
def test_a_key_knows_the_same_message_again(shape: str, tmp_path: Path) -> None:
    for _ in range(2):
        made = SHAPES[shape](tmp_path)
        made.outbox = {"key": "receipt-42"}
        assert EmailBackend().send_messages([made]) == 1
    assert queued()[1]


def test_another_charset_is_the_one_that_is_sent() -> None:
    EmailBackend().send_messages([latin()])
    assert message_from_bytes(queued()[2]).get_content_charset() == "iso-8859-1"


@pytest.mark.skipif(HAS_MAILERS, reason="Django 6 refuses it")
def test_parts_that_are_put_together_otherwise_are_sent_so() -> None:
    made = alternatives(attachments=[("a.png", PNG, "image/png")])
    made.mixed_subtype = "related"
    assert by_us(made) == by_django(made)
    assert message_from_bytes(queued()[2]).get_content_type() == "multipart/related"


def test_a_message_id_and_a_date_of_one_s_own_stay() -> None:
    own = {"Message-ID": "<order-42@example.org>", "Date": "Fri, 01 May 2026 12:00:00 +0000"}
    EmailBackend().send_messages([plain(headers=own)])
    parsed = message_from_bytes(queued()[2])
    assert {name: parsed[name] for name in own} == own
    with outbox_connection() as connection:
        assert connection.execute(message.select()).one().message_id == own["Message-ID"]


def test_the_message_id_is_the_outbox_s_else() -> None:
    EmailBackend().send_messages([plain(headers={"From": "Boss <boss@example.org>"})])
    with outbox_connection() as connection:
        row = connection.execute(message.select()).one()
    assert row.message_id == f"<{row.id.hex}@example.org>"
    assert message_from_bytes(row.mime)["Message-ID"] == row.message_id


def test_a_subclass_writes_its_message_as_it_likes() -> None:
    class Signed(EmailMessage):  # type: ignore[misc] # Django ships no types
        def message(self, **options: Any) -> Any:
            made = super().message(**options)
            made["X-Signature"] = "by us"
            return made

    made = Signed("Receipt", "Thank you!", SENDER, TO)
    assert by_us(made) == by_django(made)


@pytest.mark.parametrize("control", ["\x0b", "\x1c"])
def test_a_control_character_in_a_header_is_a_value_error_as_all_that_can_never_be_sent(control: str) -> None:
    # The second is Django's own word, since 6.0.
    with pytest.raises(ValueError, match=r"^message: cannot be written .*control characters|linefeed"):
        EmailMessage(f"Tea{control}Bcc: eve@example.org", "", SENDER, TO).send()


def test_line_breaks_in_a_header_are_refused_by_both() -> None:
    for backend in (by_django, by_us):
        with pytest.raises(ValueError, match=r"newline|linefeed|not allowed"):
            backend(EmailMessage("Receipt\nBcc: eve@example.org", "", SENDER, TO))


def test_a_mime_part_of_one_s_own_keeps_its_bytes() -> None:
    if HAS_MAILERS:
        part: Any = Parsed()
        part.set_content("hello", subtype="x-note")
    else:
        part = MIMEText("hello", "x-note")
    made = plain(attachments=[part])
    assert by_us(made) == by_django(made)


def test_send_mass_mail_queues_all_in_one_transaction() -> None:
    sent = mail.send_mass_mail(
        [(f"Receipt {n}", "Thank you!", SENDER, [f"ada{n}@example.org"]) for n in range(5)]
    )
    assert sent == 5
    with outbox_connection() as connection:
        assert len(connection.execute(delivery.select()).all()) == 5


@pytest.mark.parametrize(
    ("send", "setting"), [(mail.mail_admins, "ADMINS"), (mail.mail_managers, "MANAGERS")]
)
def test_mail_to_those_who_run_the_site_is_queued(send: Any, setting: str) -> None:
    people = ["ann@example.org"] if HAS_MAILERS else [("Ann", "ann@example.org")]
    with override_settings(**{setting: people, "SERVER_EMAIL": "root@example.org"}):
        send("It broke", "Traceback …", html_message="<p>Traceback …</p>")
    sender, recipients, raw = queued()
    assert (sender, recipients) == ("root@example.org", ["ann@example.org"])
    assert b"Subject: [Django] It broke" in raw


@pytest.mark.skipif(not HAS_MAILERS, reason="MAILERS came with Django 6.1")
def test_a_mailer_of_its_own_has_options_of_its_own() -> None:
    ours = "outbox.integrations.django.EmailBackend"
    relay = {"host": "mail.example.org", "username": "shop", "password": "secret", "use_tls": True}
    mailers = {
        "default": {"BACKEND": ours, "OPTIONS": relay},
        "bulk": {"BACKEND": ours, "OPTIONS": {"stream": "bulk"}},
        "wrong": {"BACKEND": ours, "OPTIONS": {"steam": "bulk"}},
    }
    with override_settings(MAILERS=mailers):
        assert plain().send() == 1
        assert plain().send(using="bulk") == 1
        with pytest.raises(mail.InvalidMailer, match=r"MAILERS\['wrong'\].*Unknown options 'steam'"):
            plain().send(using="wrong")
    with outbox_connection() as connection:
        assert {each.stream for each in connection.execute(delivery.select())} == {"default", "bulk"}


@pytest.mark.skipif(HAS_MAILERS, reason="get_connection() is deprecated by Django 6.1")
def test_a_connection_of_its_own_has_options_of_its_own() -> None:
    bulk = mail.get_connection(stream="bulk", username="shop", password="secret")
    assert plain(connection=bulk).send() == 1
    with outbox_connection() as connection:
        assert [each.stream for each in connection.execute(delivery.select())] == ["bulk"]
