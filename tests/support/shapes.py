"""Mails of the shapes that applications send, by name; what each composes to stands in `tests/golden`.

`python -m tests.support.shapes` writes those files anew: look at the difference before it is committed.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from outbox import Address, Attachment, Email
from outbox.mail.compose import compose

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
ID = UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
AT = datetime(2026, 5, 1, 12, 3, 4, tzinfo=UTC)
SHOP = Address("Shop", "shop@example.com")

ADA = "Ada Lovelace <ada@example.org>"
URL = f"https://shop.example.com/reset?token={'0a1B-' * 40}&user=7"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
LOGO = Attachment("logo.png", PNG, cid="logo")
INVITE = """\
BEGIN:VCALENDAR
PRODID:-//Example//Calendar//EN
VERSION:2.0
METHOD:{method}
BEGIN:VEVENT
UID:7@example.com
DTSTAMP:20260501T120000Z
DTSTART:20260504T100000Z
DTEND:20260504T110000Z
SUMMARY:Kaffee & Kuchen für alle
ORGANIZER:mailto:shop@example.com
ATTENDEE;RSVP=TRUE:mailto:ada@example.org
END:VEVENT
END:VCALENDAR
"""

SHAPES: dict[str, dict[str, Any]] = {
    # Bodies
    "plain": {"subject": "Hello", "text": "Hello, Ada.\n"},
    "html": {"subject": "Hello", "html": "<p>Hello, Ada.</p>"},
    "text-and-html": {"subject": "Hello", "text": "Hello, Ada.", "html": "<p>Hello, <b>Ada</b>.</p>"},
    "empty": {"text": ""},
    "blank": {"subject": "Blank", "text": " \n\t\n  "},
    "dots": {"subject": "Dots", "text": ".\n..\n...\n.hidden\nlast\n.\n"},
    "from-line": {"subject": "Mailbox", "text": "From here on\nFrom there\n>From\n"},
    "trailing-space": {"subject": "Spaces", "text": "-- \nThe shop \t\n"},
    "carriage-returns": {"subject": "Old line ends", "text": "one\rtwo\r\nthree\n\rfour"},
    "controls": {"subject": "Controls", "text": "a\x00b\x07c\x1bd\x7f\x85\u2028e"},
    "long-url": {"subject": "Reset your password", "text": f"Follow this link:\n\n{URL}\n"},
    "long-line": {"subject": "One line", "text": "word " * 400},
    "minified-html": {"subject": "Minified", "html": "<table><tr>" + "<td>cell</td>" * 400 + "</tr></table>"},
    "equals-signs": {"subject": "Sums", "text": "1 + 1 = 2 = 3 - 1, ä\n" * 30},
    # Scripts
    "german": {
        "subject": "Grüße aus Köln",
        "text": "Schöne Grüße, Ihr Laden.\n",
        "html": "<p>Schöne Grüße</p>",
    },
    "japanese": {
        "subject": "ご注文ありがとうございます",
        "text": "いつもご利用いただきありがとうございます。\n" * 5,
    },
    "arabic": {"subject": "شكرا لطلبك", "html": '<p dir="rtl">شكرا لطلبك</p>'},
    "emoji": {"subject": "🎉 It's here! 🎉", "text": "👩‍👩‍👧‍👦 🎉\n"},
    "unseen": {"subject": "zero\u200bwidth \u00a0space", "text": "a\u200bb\ufeffc\u00a0d"},
    # Subjects
    "no-subject": {"subject": "", "text": "No subject."},
    "long-subject": {"subject": "A subject that goes on " * 10 + "to its end", "text": "x"},
    "long-german-subject": {"subject": "Übergrößenträger für Füße " * 8, "text": "x"},
    "unbroken-subject": {"subject": "x" * 300, "text": "x"},
    "encoded-looking-subject": {"subject": "=?utf-8?q?not_a_word?= [#7]", "text": "x"},
    # People
    "comma-name": {"to": Address("Lovelace, Ada", "ada@example.org"), "text": "x"},
    "quoted-name": {"to": Address('Ada "The Countess" \\ Lovelace', "ada@example.org"), "text": "x"},
    "russian-name": {"to": "Ада Лавлейс <ada@example.org>", "text": "x"},
    "long-name": {"to": Address("Señora de las Cosas Muy Largas " * 4, "ada@example.org"), "text": "x"},
    "many": {"to": [f"Reader {n} <reader{n}@example.org>" for n in range(30)], "text": "x"},
    "copies": {"cc": ["bob@example.org", "Eve <eve@example.org>"], "bcc": "hidden@example.org", "text": "x"},
    "hidden": {"to": (), "bcc": ["a@example.org", "b@example.org"], "text": "x"},
    "answers-elsewhere": {"reply_to": ["Help <help@example.com>", "desk@example.com"], "text": "x"},
    "idn": {"to": "Ada <ada@bücher.example>", "text": "x"},
    "utf8-mailbox": {"to": "Zoë <zoë@bücher.example>", "text": "x"},
    "odd-mailbox": {"to": "a.b+tag/x=y!#$%&'*-_`{|}~^?@example.org", "text": "x"},
    # Files
    "invoice": {
        "subject": "Invoice 42",
        "text": "Your invoice is attached.",
        "html": "<p>Your invoice is attached.</p>",
        "attachments": [Attachment("invoice-42.pdf", b"%PDF-1.7\n" + bytes(range(256)) * 4)],
    },
    "report": {"text": "x", "attachments": [Attachment("März.csv", "name;größe\nä;1\n".encode())]},
    "japanese-file": {"text": "x", "attachments": [Attachment("領収書 2026年5月 (控え).pdf", b"%PDF")]},
    "long-file-name": {"text": "x", "attachments": [Attachment(f"{'long name ' * 20}.txt", b"text\n")]},
    "files": {
        "text": "x",
        "attachments": [
            Attachment("empty", b""),
            Attachment("data.bin", b"\x00" * 58),
            Attachment('a "quoted"; name=?.txt', b".\r\n"),
            Attachment("page.html", b"<p>", "text/html; charset=us-ascii"),
        ],
    },
    "logo": {"text": "Hello", "html": '<img src="cid:logo" alt="Shop"> Hello', "attachments": [LOGO]},
    "logo-and-invoice": {
        "text": "Hello",
        "html": '<img src="cid:logo" alt="Shop"> Hello',
        "attachments": [Attachment("invoice.pdf", b"%PDF"), LOGO],
    },
    # Calendars
    "invitation": {
        "subject": "Lunch",
        "text": "Lunch on Monday?",
        "html": "<p>Lunch on Monday?</p>",
        "calendar": INVITE.format(method="REQUEST"),
    },
    "cancellation": {"subject": "No lunch", "text": "Not today.", "calendar": INVITE.format(method="CANCEL")},
    # Headers
    "newsletter": {
        "subject": "News in May",
        "text": "News",
        "html": "<p>News</p>",
        "unsubscribe": [
            f"https://shop.example.com/leave?u={'0a1B' * 30}",
            "mailto:leave@example.com?subject=7",
        ],
        "headers": {"Feedback-ID": "may:news:shop", "Precedence": "bulk"},
    },
    "answer": {
        "subject": "Re: Ticket 7",
        "text": "Done.",
        "in_reply_to": "<2@example.org>",
        "references": [f"<{n}.{'r' * 50}@example.org>" for n in range(5)],
    },
    "robot": {"subject": "Out of office", "text": "Away.", "auto_submitted": "auto-replied"},
    "urgent": {"subject": "Disk full", "text": "Now.", "importance": "high"},
    "own-headers": {"text": "x", "headers": {"X-Order": "42", "X-Greeting": "Schöne Grüße"}},
}
"""The fields of each, `to` Ada if nobody else is said."""


def shape(name: str) -> Email:
    """Return the email of this shape."""
    return Email(**{"to": ADA} | SHAPES[name])


def composed(name: str) -> bytes:
    """Return its bytes, of one instant and one id."""
    return compose(shape(name), id=ID, sender=SHOP, at=AT)


if __name__ == "__main__":
    for shape_name in SHAPES:
        (GOLDEN / f"{shape_name}.eml").write_bytes(composed(shape_name))
