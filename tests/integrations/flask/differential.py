"""One call to both libraries: what each sends, records, signals and raises, in a form to be compared."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email import policy
from email.header import decode_header, make_header
from email.parser import BytesParser, HeaderParser
from email.utils import getaddresses, parsedate_to_datetime
from types import ModuleType
from typing import Any

import flask_mail
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask
from sqlalchemy import Engine, create_engine, delete, select

import outbox.integrations.flask as ours
from outbox.store.schema import delivery, message
from tests.support.aiosmtpd_server import AiosmtpdServer

SENDER = "shop@example.org"
TO = ["ada@example.org"]
_A_MINUTE = 60
_OF_ADDRESSES = {"from", "sender", "reply-to", "to", "cc", "bcc"}
_FILE = {"content-disposition"}
_NOT_COMPARED = {"mime-version", "content-type", "content-transfer-encoding", "message-id", "date"}


@dataclass(frozen=True)
class Part:
    """A leaf of a mail."""

    kind: str
    content: str | bytes
    filename: str | None = None
    disposition: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    charset: str | None = None


@dataclass(frozen=True)
class Sent:
    """One mail as a reader sees it; recipients are sorted, since Flask-Mail's come in any order."""

    sender: str
    recipients: tuple[str, ...]
    headers: dict[str, Any]
    structure: str
    parts: tuple[Part, ...]
    date: float | str
    raw: bytes = field(compare=False)


@dataclass(frozen=True)
class Outcome:
    """All that one call has done."""

    error: str | None
    sent: tuple[Sent, ...]
    recorded: tuple[str, ...]
    signals: int
    value: Any = None


Call = Callable[[ModuleType, Any], Any]


class Recipient(AiosmtpdServer):
    """A server that keeps envelopes."""

    def __init__(self) -> None:
        super().__init__(enable_SMTPUTF8=True)
        self.envelopes: list[tuple[str, tuple[str, ...], bytes]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep one."""
        del server, session
        content = envelope.original_content or b""
        self.envelopes.append((envelope.mail_from or "", tuple(envelope.rcpt_tos), content))
        return "250 2.0.0 Ok"


class Both:
    """Flask-Mail with a server, and ours with a database."""

    def __init__(self, server: Recipient, url: str) -> None:
        self._server = server
        self._url = url
        self._engine: Engine = create_engine(url)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def theirs(self, call: Call, config: dict[str, Any]) -> Outcome:
        """Return what Flask-Mail does."""
        self._server.envelopes.clear()
        app = _app(config | {"MAIL_PORT": self._server.port})
        done = _done(flask_mail, app, call)
        return replace(done, sent=tuple(_sent(*envelope) for envelope in self._server.envelopes))

    def ours(self, call: Call, config: dict[str, Any]) -> Outcome:
        """Return what the outbox does."""
        with self._engine.begin() as connection:
            connection.execute(delete(delivery))
            connection.execute(delete(message))
        app = _app(config | {"OUTBOX_DATABASE_URL": self._url})
        done = _done(ours, app, call)
        app.extensions["mail"].destination.engine().dispose()
        return replace(done, sent=tuple(_sent(*envelope) for envelope in self.queued()))

    def queued(self) -> Iterator[tuple[str, tuple[str, ...], bytes]]:
        """Yield envelope and bytes of each mail in the database."""
        with self._engine.connect() as connection:
            for row in connection.execute(select(message).order_by(message.c.created_at, message.c.subject)):
                mine = select(delivery.c.recipient).where(delivery.c.message_id == row.id)
                yield row.sender, tuple(connection.execute(mine.order_by(delivery.c.n)).scalars()), row.mime


def _app(config: dict[str, Any]) -> Flask:
    app = Flask("application")
    app.config.update({"MAIL_DEFAULT_SENDER": SENDER} | config)
    return app


def _done(library: ModuleType, app: Flask, call: Call) -> Outcome:
    mail = library.Mail(app)
    error, value = None, None
    with app.app_context(), mail.record_messages() as recorded, _counted(library) as signals:
        try:
            value = call(library, mail)
        except Exception as raised:  # noqa: BLE001 - which one is the question
            error = f"{type(raised).__name__}{f': {raised}' if isinstance(raised, AssertionError) else ''}"
    return Outcome(error, (), tuple(str(each.subject) for each in recorded), len(signals), value)


@contextmanager
def _counted(library: ModuleType) -> Iterator[list[Flask]]:
    seen: list[Flask] = []

    def count(app: Flask, message: Any) -> None:
        assert isinstance(message, library.Message)
        seen.append(app)

    with library.email_dispatched.connected_to(count):
        yield seen


def _sent(sender: str, recipients: tuple[str, ...], raw: bytes) -> Sent:
    # The parser of today stumbles over some of what Flask-Mail writes.
    parsed = BytesParser(policy=policy.compat32).parsebytes(raw)
    return Sent(
        sender,
        tuple(sorted(recipients)),
        _headers(raw),
        _structure(parsed),
        tuple(_part(part) for part in parsed.walk() if not part.is_multipart()),
        _date(parsed.get_all("date") or []),
        raw,
    )


def _date(values: list[Any]) -> float | str:
    """Return an instant, or "now"."""
    (value,) = values
    at = parsedate_to_datetime(str(value)).timestamp()
    return "now" if abs(time.time() - at) < _A_MINUTE else at


def _headers(raw: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in HeaderParser().parsestr(raw.decode("utf-8", "replace")).items():
        if name.lower() not in _NOT_COMPARED:
            text = re.sub(r"\r?\n", "", str(value))
            shown = _mailboxes(text) if name.lower() in _OF_ADDRESSES else _decoded(text)
            found.setdefault(name.lower(), []).append(shown)
    return found


def _mailboxes(text: str) -> list[tuple[str, str]]:
    found = sorted((_decoded(name), address) for name, address in getaddresses([text]) if address)
    return found or [("", text)]


def _decoded(text: str) -> str:
    return str(make_header(decode_header(text)))


def _structure(part: Any) -> str:
    if not part.is_multipart():
        return str(part.get_content_type())
    inner = ", ".join(_structure(each) for each in part.get_payload())
    return f"{part.get_content_subtype()}({inner})"


def _part(part: Any) -> Part:
    content = part.get_payload(decode=True)
    disposition = part.get_content_disposition()
    own = tuple(sorted((name.lower(), str(value)) for name, value in part.items()))
    if disposition is None and part.get_content_maintype() == "text":
        charset = part.get_content_charset("us-ascii")
        text = content.decode(charset).replace("\r\n", "\n").rstrip("\n")
        return Part(part.get_content_type(), text, charset=charset)
    headers = tuple(each for each in own if each[0] not in _NOT_COMPARED | _FILE)
    return Part(part.get_content_type(), content, part.get_filename(), disposition, headers)
