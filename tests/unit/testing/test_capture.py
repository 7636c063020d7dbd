"""While a test captures, every door of every outbox leads into memory, past no check."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from sqlalchemy.orm import Session

import outbox
from outbox import Attachment, Email, InvalidEmailError, KeyConflictError, SuppressedError, TemplateError
from outbox.testing import Captured, captured

pytestmark = pytest.mark.usefixtures("no_default_outbox")

MAIL: Any = {"to": "ann@example.org", "subject": "Hello", "text": "Hello Ann."}
shop = outbox.Outbox(sender="Shop <shop@example.org>")


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("OUTBOX_SENDER", "app@example.org")
    with captured() as messages:
        yield messages


@pytest.mark.parametrize("transaction", [None, object(), Mock(), Mock(spec=Session), Session()])
def test_anything_is_good_enough_for_the_transaction(messages: Captured, transaction: Any) -> None:
    id_ = shop.enqueue(transaction, **MAIL)
    assert [each.id for each in messages] == [id_]


def test_every_door_is_captured(messages: Captured) -> None:
    nowhere: Any = None
    ids = [
        outbox.enqueue(nowhere, **MAIL),
        *outbox.enqueue_many(nowhere, [Email(**MAIL), {"to": "bob@example.org", "text": ""}]),
        shop.enqueue(nowhere, Email(**MAIL)),
        *shop.enqueue_many(nowhere, []),
        asyncio.run(outbox.enqueue_async(nowhere, **MAIL)),
        *asyncio.run(outbox.enqueue_many_async(AsyncMock(), [Email(**MAIL)])),
        asyncio.run(shop.enqueue_async(nowhere, Email(**MAIL))),
        *asyncio.run(shop.enqueue_many_async(nowhere, [Email(**MAIL)])),
    ]
    assert [each.id for each in messages] == ids
    assert len(set(ids)) == 8
    assert {each.sender for each in messages} == {"app@example.org", "shop@example.org"}


def test_what_other_threads_enqueue_is_captured_too(messages: Captured) -> None:
    threads = [threading.Thread(target=shop.enqueue, args=[None], kwargs=MAIL) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(messages) == 8


def test_the_doors_are_as_before_when_the_test_is_over() -> None:
    before = dict(vars(outbox.Outbox))
    with captured() as outer:
        shop.enqueue(None, **MAIL)  # type: ignore[arg-type] # captured
        with captured() as inner:
            shop.enqueue(None, **MAIL)  # type: ignore[arg-type] # captured
        shop.enqueue(None, **MAIL)  # type: ignore[arg-type] # captured
    assert (len(outer), len(inner)) == (2, 1)
    assert dict(vars(outbox.Outbox)) == before
    with pytest.raises(outbox.UnusableConnectionError):
        shop.enqueue(None, **MAIL)  # type: ignore[arg-type] # never looked at


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({**MAIL, "to": "ann"}, InvalidEmailError),
        ({**MAIL, "subject": "a\nb"}, InvalidEmailError),
        ({**MAIL, "send_at": datetime(2030, 1, 1)}, InvalidEmailError),  # noqa: DTZ001 - naive on purpose
        ({**MAIL, "mime": b"Subject: x\r\n\r\n"}, InvalidEmailError),
        ({"to": "ann@example.org", "template": "no-such-mail"}, TemplateError),
        ({"to": "ann@example.org", "template": "welcome"}, TemplateError),
        ({**MAIL, "text": "x" * 30_000_000}, outbox.MessageTooLargeError),
    ],
)
def test_what_would_raise_raises_and_captures_nothing(
    messages: Captured, fields: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        shop.enqueue_many(None, [MAIL, fields])  # type: ignore[arg-type] # captured
    messages.none()


def test_an_email_beside_fields_and_a_mail_without_a_sender_raise(messages: Captured) -> None:
    nowhere: Any = None
    with pytest.raises(InvalidEmailError, match=r"^email: "):
        shop.enqueue(nowhere, Email(**MAIL), to="bob@example.org")
    with pytest.raises(InvalidEmailError, match=r"^sender: "):
        outbox.Outbox().enqueue(nowhere, **MAIL)
    messages.none()


def test_a_key_is_taken_once_and_only_for_one_payload(messages: Captured) -> None:
    nowhere: Any = None
    first = shop.enqueue(nowhere, **MAIL, key="k")
    again: Any = {**MAIL, "key": "k"}
    assert shop.enqueue_many(nowhere, [again, again]) == [first, first]
    assert messages.one(key="k").id == first
    with pytest.raises(KeyConflictError, match="key: 'k' already belongs"):
        shop.enqueue_many(nowhere, [MAIL, again | {"text": "Other."}])
    assert len(messages) == 1
    messages.clear()
    assert shop.enqueue(nowhere, **MAIL, key="k") == messages[0].id != first


def test_a_test_can_say_who_is_suppressed(messages: Captured) -> None:
    nowhere: Any = None
    messages.suppress("Ann@example.org", "she asked")
    shop.enqueue(nowhere, **MAIL)
    with pytest.raises(SuppressedError, match="she asked"):
        shop.enqueue(nowhere, **MAIL, check_suppressed=True)
    assert len(messages) == 1


def test_a_message_has_all_that_was_asked_for(messages: Captured, tmp_path: Path) -> None:
    (tmp_path / "offer.pdf").write_bytes(b"%PDF")
    at = datetime(2030, 1, 1, tzinfo=UTC)
    shop.enqueue(
        None,  # type: ignore[arg-type] # captured
        to=["Ann <ann@example.org>", "bob@example.org"],
        cc="carl@example.org",
        bcc="ann@example.org",
        reply_to="desk@example.org",
        subject="Grüße",
        text="Hello.",
        html='<img src="cid:logo">',
        attachments=[Attachment("logo.png", b"PNG", cid="logo"), tmp_path / "offer.pdf"],
        headers={"X-Order": "7"},
        key="k",
        tags={"order": 7},
        stream="offers",
        send_at=at,
        expires_at=at + timedelta(days=1),
    )
    [message] = messages
    assert (message.sender, message.reply_to) == ("shop@example.org", ["desk@example.org"])
    assert (message.to, message.cc) == (["ann@example.org", "bob@example.org"], ["carl@example.org"])
    assert (message.bcc, message.recipients) == (["ann@example.org"], [*message.to, *message.cc])
    assert (message.subject, message.text, message.html) == ("Grüße", "Hello.", '<img src="cid:logo">')
    files = [(file.filename, file.content_type, file.content) for file in message.attachments]
    assert files == [("logo.png", "image/png", b"PNG"), ("offer.pdf", "application/pdf", b"%PDF")]
    assert (message.headers["X-Order"], message.headers["Subject"]) == ("7", "Grüße")
    assert (message.key, message.tags, message.stream) == ("k", {"order": 7}, "offers")
    assert (message.send_at, message.expires_at) == (at, at + timedelta(days=1))
    assert (message.template, message.context, message.locale) == (None, None, None)
    assert message.email["To"] == "Ann <ann@example.org>, bob@example.org"
    assert b"\r\nSubject: =?utf-8?" in message.raw.lower().replace(b"subject", b"Subject")
    assert message.email is message.email


def test_a_message_of_a_template_has_its_name_and_its_context(messages: Captured) -> None:
    context = {"product": "Shop", "name": "Ann", "url": "https://example.org/"}
    shop.enqueue(None, to="ann@example.org", template="welcome", context=context)  # type: ignore[arg-type]
    message = messages.one(template="welcome", contains=["Ann", "https://example.org/"])
    assert (message.template, message.context, message.locale) == ("welcome", context, None)


def test_a_ready_message_is_read_as_a_receiver_reads_it(messages: Captured) -> None:
    ready = EmailMessage()
    ready["Subject"], ready["Bcc"], ready["X-Order"] = "Ready", "eve@example.org", "7"
    ready.set_content("Hello.\n")
    ready.add_alternative("<p>Hello.</p>\n", subtype="html")
    ready.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="offer.pdf")
    shop.enqueue(None, to="ann@example.org", mime=ready.as_bytes())  # type: ignore[arg-type] # captured
    message = messages.one(to="ann@example.org", subject="Ready", attachment="offer.pdf")
    assert (message.text, message.html) == ("Hello.\n", "<p>Hello.</p>\n")
    assert [(file.content_type, file.content) for file in message.attachments] == [
        ("application/pdf", b"%PDF")
    ]
    assert (message.headers["X-Order"], "Bcc" in message.headers) == ("7", False)


def test_a_ready_message_without_a_text_has_none(messages: Captured) -> None:
    mime = b"Content-Type: text/html\r\n\r\n<p>Hi</p>\r\n"
    shop.enqueue(None, to="ann@example.org", mime=mime)  # type: ignore[arg-type] # captured
    assert (messages[0].text, messages[0].html) == (None, "<p>Hi</p>\n")
