"""Whatever stands in whichever field, another parser reads it back, and every relay can carry it."""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import example, given, settings
from hypothesis import strategies as st

from outbox.mail.address import Address
from outbox.mail.attachment import Attachment
from outbox.mail.compose import compose
from outbox.mail.email import Email
from tests.support.reading import mailbox_of, parsed

LINES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=[*map(chr, range(32)), "\x7f"]), max_size=90
).map(lambda text: text.replace("=?", "").strip())
BODIES = st.text(st.characters(exclude_categories=["Cs"]), max_size=200) | st.text(
    "a =.-\r\n\tü", max_size=200
)
CALENDAR = "BEGIN:VCALENDAR\nMETHOD:REQUEST\nSUMMARY:{}\nEND:VCALENDAR\n"


def in_one_form(text: str) -> str:
    """Return a body with line ends of one kind, and its last line ended."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return lines if not lines or lines.endswith("\n") else f"{lines}\n"


@settings(max_examples=150, deadline=None)
@given(
    names=st.tuples(LINES, LINES, LINES, LINES),
    texts=st.tuples(LINES, LINES.filter(bool)),
    bodies=st.tuples(BODIES, BODIES, LINES),
    files=st.tuples(LINES, LINES),
    contents=st.tuples(st.binary(max_size=200), st.binary(max_size=200)),
)
@example(
    names=('a"b', "漢" * 90, "\x85", "A, B"),
    texts=("--", "\u2028a\u2029"),
    bodies=("--=_a\r\n--=_m", "\r", "--"),
    files=("漢" * 90, "a" * 90),
    contents=(b"", b"\r\n--=_r"),
)
def test_every_field_arrives_as_it_was_given(
    names: tuple[str, str, str, str],
    texts: tuple[str, str],
    bodies: tuple[str, str, str],
    files: tuple[str, str],
    contents: tuple[bytes, bytes],
) -> None:
    sender, to, cc, reply_to = (Address(name, f"m{n}@example.org") for n, name in enumerate(names))
    email = Email(
        to=to,
        cc=cc,
        reply_to=reply_to,
        subject=texts[0],
        headers={"X-Own": texts[1]},
        text=bodies[0],
        html=bodies[1] + '<img src="cid:i">',
        calendar=CALENDAR.format(bodies[2]),
        attachments=[
            Attachment(f"f{files[0]}", contents[0]),
            Attachment(f"i{files[1]}", contents[1], cid="i"),
        ],
        importance="high",
    )
    raw = compose(email, id=UUID(int=7), sender=sender, at=datetime(2026, 5, 1, tzinfo=UTC))

    assert raw.isascii()
    assert b"\x00" not in raw
    assert re.search(rb"\r(?!\n)|(?<!\r)\n", raw) is None
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    message: Any = parsed(raw)
    assert (message["Subject"], message["X-Own"]) == texts
    for address, field in ((sender, "From"), (to, "To"), (cc, "Cc"), (reply_to, "Reply-To")):
        assert mailbox_of(raw, field) == (address.name, address.email)
    mixed = list(message.iter_parts())
    text, related, calendar = mixed[0].iter_parts()
    html, image = related.iter_parts()
    for part, body in ((text, email.text), (html, email.html), (calendar, email.calendar)):
        assert part.get_payload(decode=True).decode().replace("\r\n", "\n") == in_one_form(str(body))
    for part, file in zip((mixed[1], image), email.attachments, strict=True):
        assert (part.get_filename(), part.get_payload(decode=True)) == (file.filename, file.content)
