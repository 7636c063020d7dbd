"""What an application hands over: an Email, or the fields of one, which a template and files may fill."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from outbox.errors import InvalidEmailError
from outbox.mail.address import Address
from outbox.mail.attachment import Attachment
from outbox.mail.email import Addresses, Email
from outbox.mail.options import JSON
from outbox.mail.standard_headers import AutoSubmitted, Importance
from outbox.mail.status import OnDoubt
from outbox.render.templates import Templates
from outbox.store.insert import NewMessage


class Fields(TypedDict, total=False):
    """The fields of an Email, and `template` with its `context` in place of subject, text and html.

    A Path among the attachments stands for its file; a str does not, as it may come from a request.
    """

    to: Addresses
    cc: Addresses
    bcc: Addresses
    reply_to: Addresses
    sender: str | Address | None
    subject: str
    text: str | None
    html: str | None
    calendar: str | None
    mime: bytes | None
    attachments: Sequence[Attachment | Path]
    headers: Mapping[str, str]
    in_reply_to: str | None
    references: str | Sequence[str]
    unsubscribe: str | Sequence[str]
    auto_submitted: AutoSubmitted | str | None
    importance: Importance | str | None
    key: str | None
    send_at: datetime | None
    expires_at: datetime | None
    on_doubt: OnDoubt | str
    tags: Mapping[str, JSON] | None
    stream: str
    template: str
    context: Mapping[str, object]
    locale: str | None


class Prepared(NamedTuple):
    """An email that is checked and composed, with its id: it is inserted as it is, now or later."""

    email: Email
    new: NewMessage


Given = Email | Fields | Prepared
"""One email, in any of the forms that it may be handed over in."""

_FIELDS = frozenset(Fields.__annotations__)


def email_of(given: Email | Fields, templates: Templates) -> Email:
    """Return the email that was handed over; raise InvalidEmailError or TemplateError."""
    if isinstance(given, Email):
        return given
    # None is what a wrapper passes on for "not given".
    fields: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if "template" in fields:
        fields |= _rendered(fields, templates)
    else:
        for field in ("context", "locale"):
            if field in fields:
                problem = "is given without a template"
                raise InvalidEmailError(field, fields[field], problem, "Name the template.")
    if not fields.keys() <= _FIELDS:
        name = min(fields.keys() - _FIELDS)
        known = ", ".join(Fields.__annotations__)
        raise InvalidEmailError(name, fields[name], "is no field of an email", f"Give any of: {known}.")
    if isinstance(files := fields.get("attachments"), list | tuple):
        fields["attachments"] = [_attached(file) if isinstance(file, Path) else file for file in files]
    return Email(**fields)


def _rendered(fields: dict[str, Any], templates: Templates) -> dict[str, str | None]:
    name = fields.pop("template")
    for field in ("subject", "text", "html"):
        if field in fields:
            raise InvalidEmailError(
                field,
                fields[field],
                "is given beside a template, which makes it",
                "Give the template or the ready text, not both.",
            )
    rendered = templates.render(name, fields.pop("context", {}), fields.pop("locale", None))
    return {"subject": rendered.subject, "text": rendered.text, "html": rendered.html}


def _attached(file: Path) -> Attachment:
    try:
        return Attachment(file.name, file.read_bytes())
    except OSError as error:
        raise InvalidEmailError(
            "attachments",
            str(file),
            f"cannot be read ({error.strerror})",
            "Give the path of a file that the application may read.",
        ) from error
