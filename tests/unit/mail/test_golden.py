"""Each shape of mail composes to the bytes in its file, and a parser that is not ours reads them back."""

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import pytest

from outbox.mail.email import Email
from tests.support.shapes import GOLDEN, SHAPES, composed, shape


def ended(text: str) -> str:
    """Return a body as it arrives, with its last line ended and line ends of one kind."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return lines if not lines or lines.endswith("\n") else f"{lines}\n"


def read(raw: bytes) -> dict[str, Any]:
    """Return what a reader finds in a message: what is missing is missing here, too."""
    # Decoded first: of bytes, the parser would show each octet of an international mailbox for itself.
    message = BytesParser(policy=policy.SMTPUTF8).parsebytes(raw)
    assert isinstance(message, EmailMessage)
    found: dict[str, Any] = {"files": []}
    for part in message.walk():
        data = part.get_payload(decode=True)
        if part.is_multipart() or not isinstance(data, bytes):
            continue
        if part.get_filename() is not None:
            cid = part["Content-ID"]
            found["files"].append((part.get_filename(), data, None if cid is None else cid.strip("<>")))
        else:
            assert part.get_content_subtype() not in found
            found[part.get_content_subtype()] = data.decode().replace("\r\n", "\n")
    return found


def expected(email: Email) -> dict[str, Any]:
    texts = {"plain": email.text, "html": email.html, "calendar": email.calendar}
    # What the HTML shows stands beside it, before the files.
    files = sorted(email.attachments, key=lambda file: file.cid is None)
    return {
        "files": [(file.filename, file.content, file.cid) for file in files],
        **{subtype: ended(text) for subtype, text in texts.items() if text is not None},
    }


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_composes_to_its_file(name: str) -> None:
    assert composed(name) == (GOLDEN / f"{name}.eml").read_bytes()


@pytest.mark.parametrize("name", SHAPES)
def test_a_file_says_what_its_shape_says(name: str) -> None:
    email, raw = shape(name), (GOLDEN / f"{name}.eml").read_bytes()
    assert read(raw) == expected(email)
    message = BytesParser(policy=policy.SMTP).parsebytes(raw)
    assert message["Subject"] == email.subject
    assert {key: message[key] for key in email.headers} == email.headers


def test_every_file_has_its_shape() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == set(SHAPES)
    assert len(SHAPES) >= 40
