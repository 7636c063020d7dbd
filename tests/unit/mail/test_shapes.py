"""Bodies, images, invitations and files stand in the one structure that readers expect."""

from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any
from uuid import UUID

import pytest

from outbox.errors import InvalidEmailError
from outbox.mail.address import Address
from outbox.mail.attachment import Attachment
from outbox.mail.compose import compose
from outbox.mail.email import Email

LOGO = Attachment("logo.png", b"\x89PNG", cid="logo")
BILL = Attachment("bill.pdf", b"%PDF")
HTML = '<img src="cid:logo">'
INVITE = "BEGIN:VCALENDAR\nVERSION:2.0\nMETHOD:REQUEST\nEND:VCALENDAR\n"


def parsed(**fields: Any) -> EmailMessage:
    at = datetime(2026, 5, 1, tzinfo=UTC)
    email = Email(to="ada@example.org", **fields)
    raw = compose(email, id=UUID(int=7), sender=Address("", "shop@example.org"), at=at)
    message = BytesParser(policy=policy.SMTP).parsebytes(raw)
    assert isinstance(message, EmailMessage)
    return message


def tree(message: Any) -> Any:
    kind = message.get_content_type()
    return (kind, *map(tree, message.get_payload())) if message.is_multipart() else kind


RELATED = ("multipart/related", "text/html", "image/png")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"text": "t"}, "text/plain"),
        ({"html": "h"}, "text/html"),
        ({"text": "t", "html": "h"}, ("multipart/alternative", "text/plain", "text/html")),
        ({"html": HTML, "attachments": [LOGO]}, RELATED),
        (
            {"text": "t", "html": HTML, "attachments": [LOGO]},
            ("multipart/alternative", "text/plain", RELATED),
        ),
        (
            {"text": "t", "html": HTML, "attachments": [BILL, LOGO]},
            ("multipart/mixed", ("multipart/alternative", "text/plain", RELATED), "application/pdf"),
        ),
        ({"text": "t", "attachments": [BILL]}, ("multipart/mixed", "text/plain", "application/pdf")),
        ({"text": "t", "calendar": INVITE}, ("multipart/alternative", "text/plain", "text/calendar")),
        (
            {"text": "t", "html": HTML, "calendar": INVITE, "attachments": [LOGO, BILL]},
            (
                "multipart/mixed",
                ("multipart/alternative", "text/plain", RELATED, "text/calendar"),
                "application/pdf",
            ),
        ),
    ],
)
def test_the_structure_is_no_deeper_than_the_contents_need(fields: dict[str, Any], expected: Any) -> None:
    assert tree(parsed(**fields)) == expected


def test_an_image_within_the_html_is_named_and_not_listed() -> None:
    related = parsed(html=HTML, attachments=[LOGO])
    assert related.get_param("type") == "text/html"
    _, image = related.iter_parts()
    assert image["Content-ID"] == "<logo>"
    assert image.get_content_disposition() == "inline"
    assert image.get_filename() == "logo.png"
    assert image.get_content() == b"\x89PNG"


def test_an_invitation_says_its_method_twice() -> None:
    *_, invite = parsed(text="t", calendar=INVITE).iter_parts()
    assert invite.get_param("method") == "REQUEST"
    assert invite.get_content().replace("\r\n", "\n") == INVITE


def test_an_invitation_needs_a_body_for_those_who_have_no_calendar() -> None:
    with pytest.raises(InvalidEmailError, match="no body"):
        Email(to="ada@example.org", calendar=INVITE)


@pytest.mark.parametrize(
    "fields",
    [
        {"cc": "bob@example.org"},
        {"bcc": "bob@example.org"},
        {"reply_to": "bob@example.org"},
        {"subject": "Hello"},
        {"text": "t"},
        {"html": "h"},
        {"calendar": INVITE},
        {"attachments": [BILL]},
        {"headers": {"X-Own": "1"}},
        {"importance": "high"},
    ],
)
def test_a_ready_message_says_everything_itself(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidEmailError, match="is given beside mime"):
        Email(to="ada@example.org", mime=b"Subject: x\n\ny", **fields)


@pytest.mark.parametrize("mime", ["Subject: x\n\ny", 7, EmailMessage()])
def test_a_ready_message_is_bytes(mime: Any) -> None:
    with pytest.raises(InvalidEmailError, match=r"^mime: .*as_bytes"):
        Email(to="ada@example.org", mime=mime)
