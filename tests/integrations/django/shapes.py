"""A message of Django's of every shape that an application may give it."""

import email.policy
from collections.abc import Callable
from email.message import EmailMessage as Parsed
from email.mime.image import MIMEImage
from pathlib import Path
from typing import Any

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.utils.translation import gettext_lazy

from tests.integrations.django.project import HAS_MAILERS

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
SENDER = "Shop <shop@example.org>"
TO = ["Ada <ada@example.org>"]


def plain(**more: Any) -> EmailMessage:
    return EmailMessage("Receipt", "Thank you!\n", SENDER, TO, **more)


def alternatives(**more: Any) -> EmailMultiAlternatives:
    made = EmailMultiAlternatives("Receipt", "Thank you!", SENDER, TO, **more)
    made.attach_alternative("<p>Thank you!</p>", "text/html")
    return made


def of_html() -> EmailMessage:
    made = EmailMessage("Receipt", "<p>Thank you!</p>", SENDER, TO)
    made.content_subtype = "html"
    return made


def with_image() -> EmailMessage:
    made = alternatives()
    image = MIMEImage(PNG)
    image.add_header("Content-ID", "<logo>")
    if HAS_MAILERS:
        part = Parsed(policy=email.policy.SMTP)
        part.set_content(PNG, "image", "png", cid="<logo>")
        made.attach(part)
    else:
        made.attach(image)
    return made


def with_file(path: Path) -> EmailMessage:
    made = plain()
    (path / "invoice.csv").write_text("name;sum\nKäthe;12 €\n", encoding="utf-8")
    (path / "scan.pdf").write_bytes(b"%PDF" + PNG)
    made.attach_file(str(path / "invoice.csv"))
    made.attach_file(str(path / "scan.pdf"))
    return made


def with_mail(content: Any) -> EmailMessage:
    made = plain()
    made.attach("forwarded.eml", content, "message/rfc822")
    return made


def latin() -> EmailMessage:
    made = EmailMessage("Grüße", "Käthe", SENDER, TO)
    made.encoding = "iso-8859-1"
    return made


def calendar() -> EmailMultiAlternatives:
    made = alternatives()
    made.attach_alternative("BEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR\n", "text/calendar")
    return made


SHAPES: dict[str, Callable[[Path], EmailMessage]] = {
    "plain": lambda _: plain(),
    "without a body": lambda _: EmailMessage("Receipt", "", SENDER, TO),
    "beyond ASCII": lambda _: EmailMessage("Grüße €", "Käthe\n" * 3, "Käthes Laden <shop@example.org>", TO),
    "lazy": lambda _: EmailMessage(gettext_lazy("Receipt"), gettext_lazy("Thanks"), SENDER, TO),
    "long lines": lambda _: EmailMessage(" ".join(["Receipt"] * 30), "x" * 2_000, SENDER, TO),
    "many recipients": lambda _: EmailMessage(
        "Receipt",
        "Hi",
        SENDER,
        ["ada@example.org", "Bob <bob@example.org>"],
        cc=["carol@example.org"],
        bcc=["dan@example.org"],
        reply_to=["Help <help@example.org>", "more@example.org"],
    ),
    "only bcc": lambda _: EmailMessage("Receipt", "Hi", SENDER, [], bcc=["dan@example.org"]),
    "an international domain": lambda _: EmailMessage("Receipt", "Hi", SENDER, ["ada@bücher.example"]),
    "own headers": lambda _: plain(headers={"X-Order": "42", "List-Unsubscribe": "<https://example.org/u>"}),
    "another From": lambda _: plain(headers={"From": "Boss <boss@example.org>"}),
    "another To": lambda _: plain(headers={"To": "list@example.org"}),
    "another Reply-To": lambda _: plain(headers={"Reply-To": "help@example.org"}),
    "a Sender": lambda _: plain(headers={"Sender": "agent@example.org"}),
    "html alone": lambda _: of_html(),
    "text and html": lambda _: alternatives(),
    "html beside an empty text": lambda _: EmailMultiAlternatives(
        "Receipt", "", SENDER, TO, alternatives=[("<p>Hi</p>", "text/html")]
    ),
    "a calendar beside": lambda _: calendar(),
    "tuples": lambda _: plain(attachments=[("a.txt", "Käthe\n", "text/plain"), ("a.png", PNG, "image/png")]),
    "a guessed type": lambda _: plain(attachments=[("photo.png", PNG)]),
    "an unknown type": lambda _: plain(attachments=[("data.unknown", b"\0\1")]),
    "a type with parameters": lambda _: plain(
        attachments=[("a.ics", "BEGIN:VCALENDAR\n", "text/calendar; method=REQUEST")]
    ),
    "a name beyond ASCII": lambda _: plain(attachments=[("Rechnung für Käthe.pdf", PNG, "application/pdf")]),
    "bytes that are no text": lambda _: plain(attachments=[("a.txt", b"\xff\xfe", "text/plain")]),
    "without a name": lambda _: plain(attachments=[(None, PNG, "image/png")]),
    "attachments alone": lambda _: EmailMessage(
        "x", "", SENDER, TO, attachments=[("a.png", PNG, "image/png")]
    ),
    "text, html and a file": lambda _: alternatives(attachments=[("a.png", PNG, "image/png")]),
    "an image of the html": lambda _: with_image(),
    "files": with_file,
    "a mail, as text": lambda _: with_mail("From: a@example.org\nSubject: Old\n\nHello\n"),
    "a mail of Django's": lambda _: with_mail(EmailMessage("Old", "Hello", SENDER, TO)),
    "another charset": lambda _: latin(),
}
