"""What the intake decides before it meets a database."""

from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

import outbox
from outbox import Email, InvalidEmailError, UnusableConnectionError
from outbox.handover import Fields, email_of
from outbox.intake import MAX_SIZE, Outbox, default_outbox
from outbox.render.templates import Templates

FIELDS: dict[str, Any] = {"to": "ann@example.org", "text": "Hello."}


@pytest.fixture(autouse=True)
def no_default() -> Iterator[None]:
    default_outbox.cache_clear()
    yield
    default_outbox.cache_clear()


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


def test_the_default_outbox_is_built_once_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("mine", "shared"):
        (tmp_path / name).mkdir()
    (tmp_path / "shared" / "hello.txt").write_text("Hello {{ name }}")
    (tmp_path / "shared" / "hello.subject").write_text("{{ _('Hello') }}")
    monkeypatch.setenv("OUTBOX_TEMPLATES", f"{tmp_path / 'mine'}:{tmp_path / 'shared'}")
    catalogue = Catalog(locale="fr")
    catalogue.add("Hello", "Bonjour")
    file = tmp_path / "po" / "fr" / "LC_MESSAGES" / "messages.mo"
    file.parent.mkdir(parents=True)
    with file.open("wb") as opened:
        write_mo(opened, catalogue)
    monkeypatch.setenv("OUTBOX_TRANSLATIONS", str(tmp_path / "po"))
    monkeypatch.setenv("OUTBOX_SENDER", "Shop <shop@example.org>")
    monkeypatch.setenv("OUTBOX_MAX_SIZE", "5000")
    default = default_outbox()
    assert default is default_outbox()
    assert default._max_size == 5000
    fields: Fields = {
        "to": "ann@example.org",
        "template": "hello",
        "context": {"name": "Ann"},
        "locale": "fr",
    }
    email = email_of(fields, default._templates)
    assert (email.subject, (email.text or "").strip()) == ("Bonjour", "Hello Ann")
    assert default._compose(email).sender == "shop@example.org"


def test_an_empty_environment_gives_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OUTBOX_TEMPLATES", "OUTBOX_TRANSLATIONS", "OUTBOX_SENDER", "OUTBOX_MAX_SIZE"):
        monkeypatch.setenv(name, "")
    assert default_outbox()._max_size == MAX_SIZE
    with pytest.raises(InvalidEmailError, match=r"^sender: "):
        default_outbox()._compose(Email(**FIELDS))


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
