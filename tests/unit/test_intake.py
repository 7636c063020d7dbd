"""What the intake decides before it meets a database."""

from inspect import signature
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import outbox
from outbox import Email, InvalidEmailError, UnusableConnectionError
from outbox.handover import Fields, email_of
from outbox.intake import Outbox
from outbox.render.templates import Templates

pytestmark = pytest.mark.usefixtures("no_default_outbox")

FIELDS: dict[str, Any] = {"to": "ann@example.org", "text": "Hello."}


def test_the_fields_of_enqueue_are_those_of_an_email_and_a_template_with_its_context() -> None:
    email = set(signature(Email).parameters)
    assert email | {"template", "context", "locale"} == set(get_type_hints(Fields))


@pytest.mark.parametrize("transaction", [None, object(), "sqlite://"])
@pytest.mark.parametrize("enqueue", [outbox.enqueue, Outbox(sender="shop@example.org").enqueue])
def test_a_mail_without_a_transaction_is_refused_before_anything_else(
    enqueue: Any, transaction: object
) -> None:
    with pytest.raises(UnusableConnectionError, match="carries no transaction"):
        enqueue(transaction, **FIELDS)


def test_an_email_beside_fields_is_refused() -> None:
    with pytest.raises(InvalidEmailError, match=r"^email: .*\(to\)"):
        outbox.enqueue(None, Email(**FIELDS), to="bob@example.org")  # type: ignore[arg-type] # never looked at


def test_a_malformed_default_sender_is_told_by_name() -> None:
    with pytest.raises(InvalidEmailError, match=r"^sender: .*nobody"):
        Outbox(sender="nobody")._compose(Email(**FIELDS))


def test_the_sender_of_a_mail_wins_over_the_default() -> None:
    mail = Outbox(sender="shop@example.org")._compose(Email(**FIELDS, sender="Bob <bob@example.com>"))
    assert mail.sender == "bob@example.com"
    assert mail.message_id == f"<{mail.id.hex}@example.com>"
    assert b"From: Bob <bob@example.com>\r\n" in mail.mime


def test_a_message_may_be_exactly_as_large_as_the_limit() -> None:
    email = Email(**FIELDS)
    size = len(Outbox(sender="shop@example.org")._compose(email).mime)
    assert size == len(Outbox(sender="shop@example.org", max_size=size)._compose(email).mime)
    with pytest.raises(InvalidEmailError, match=rf"^size: .*{size - 1} bytes"):
        Outbox(sender="shop@example.org", max_size=size - 1)._compose(email)


def test_a_ready_message_is_completed_and_nothing_of_it_changes() -> None:
    ready = (
        b"From: Shop <shop@example.org>\r\nTo: a@b.example\r\n"
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nHi\r\n"
    )
    mail = Outbox(sender="shop@example.org")._compose(Email(to="ann@example.org", mime=ready))
    assert mail.mime.endswith(ready)
    assert mail.mime.startswith(b"Date: ")
    assert f"Message-ID: {mail.message_id}\r\n".encode() in mail.mime
    assert (mail.subject, mail.recipients, mail.sender) == ("Grüße", ("ann@example.org",), "shop@example.org")


def test_a_ready_message_keeps_its_own_names() -> None:
    ready = (
        b"Date: Fri, 01 May 2026 12:03:04 +0000\r\nMessage-ID: <1@x.example>\r\n"
        b"From: a@b.example\r\nTo: c@d.example\r\n\r\n"
    )
    mail = Outbox(sender="shop@example.org")._compose(Email(to="ann@example.org", mime=ready))
    assert (mail.mime, mail.message_id) == (ready, "<1@x.example>")


def test_an_empty_ready_message_is_refused() -> None:
    with pytest.raises(InvalidEmailError, match=r"^mime: "):
        Outbox(sender="shop@example.org")._compose(Email(to="ann@example.org", mime=b" \r\n"))


def test_a_path_among_the_attachments_stands_for_its_file(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Café")
    given: Any = {**FIELDS, "attachments": [tmp_path / "notes.txt"]}
    (attached,) = email_of(given, Templates()).attachments
    assert (attached.filename, attached.content) == ("notes.txt", "Café".encode())
    assert attached.content_type == "text/plain; charset=utf-8"


@pytest.mark.parametrize("attachments", [["notes.txt"], "notes.txt", [b"notes"]])
def test_a_text_among_the_attachments_is_never_taken_for_a_file(attachments: Any) -> None:
    given: Any = {**FIELDS, "attachments": attachments}
    with pytest.raises(InvalidEmailError, match=r"^attachments: is no"):
        email_of(given, Templates())
