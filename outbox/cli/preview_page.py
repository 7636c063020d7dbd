"""The page of `outbox preview --serve`: a mail in the widths and colours of its readers, after every save.

It listens on loopback only, and answers only those who call it by a name of this machine, so that no web
site that a developer visits reads the templates by way of the browser.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

import click
import jinja2

from outbox.cli.ending import CommandError
from outbox.errors import EX_UNAVAILABLE, OutboxError
from outbox.render import contexts
from outbox.render.lint import Finding, lint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from outbox.render.finish import Rendered
    from outbox.render.templates import Templates

_HOST = "127.0.0.1"
_NAMES = {_HOST, "localhost"}
# The mail's own frame runs no script at all; pictures and fonts may come from where the mail has them.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; connect-src 'self'; frame-src 'self'; base-uri 'none'; "
    "style-src 'unsafe-inline' *; img-src * data:; font-src * data:"
)


@dataclass(frozen=True, slots=True)
class Page:
    """What the page shows: the mails of `templates`, made anew for each look so that no change is missed.

    `context` is the file of the variables; None takes the example beside each mail.
    """

    templates: Callable[[], Templates]
    context: Path | None

    def shown(self, name: str | None, locale: str | None) -> str:
        """Return the page as HTML, with one mail or the first there is; its error is part of the page."""
        # Before the files are read, so that a change meanwhile is a change.
        view = _View(name, locale, self.state())
        try:
            templates = self.templates()
            view.mails = [(each, templates.languages(each)) for each in templates.names()]
            view.name = name or templates.own_names()[0]
            sources = templates.sources(view.name, locale)
            given = contexts.read(self.context) if self.context else contexts.example(sources)
            view.findings = lint(templates, [view.name], context=given, locales=[locale])
            view.mail = templates.render(view.name, given, locale)
        except (OutboxError, OSError) as error:  # a folder may go away while it is looked through
            view.error = str(error)
        return _template().render(view=view)

    def state(self) -> str:
        """Return a word that is another after each change of a file that the page is made of."""
        try:
            watched = [*self.templates().files(), *([self.context] if self.context else [])]
        except (OutboxError, OSError) as error:
            return str(error)
        state = hashlib.sha256()
        for file in sorted(watched):
            try:
                stat = file.stat()
            except OSError:  # it went away just now
                continue
            state.update(f"{file}\0{stat.st_mtime_ns}\0{stat.st_size}\0".encode(errors="surrogateescape"))
        return state.hexdigest()


@dataclass(slots=True)
class _View:
    name: str | None
    locale: str | None
    state: str
    mails: list[tuple[str, tuple[str | None, ...]]] = field(default_factory=list)
    mail: Rendered | None = None
    findings: list[Finding] = field(default_factory=list)
    error: str | None = None


def serve(page: Page, port: int, name: str | None, locale: str | None) -> None:
    """Serve `page` until Ctrl-C; raise CommandError where the port is not to be had."""
    try:
        server = Server(page, port)
    except OSError as error:
        raise CommandError(
            f"Cannot listen at {_HOST}:{port}: {error.strerror}. Choose another with --port.", EX_UNAVAILABLE
        ) from error
    with server:
        query = urlencode({key: value for key, value in (("mail", name), ("locale", locale)) if value})
        address = f"http://{_HOST}:{server.server_port}/{f'?{query}' if query else ''}"
        click.echo(f"Open {address} in a browser; Ctrl-C ends it.")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo()


class Server(ThreadingHTTPServer):
    """Serves the page on loopback; port 0 takes a free one."""

    daemon_threads = True

    def __init__(self, page: Page, port: int) -> None:
        super().__init__((_HOST, port), _Handler)
        self.page = page

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that has gone on before its answer, as it does at each reload."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        asked = {name: values[-1] for name, values in parse_qs(query).items()}
        if self.headers.get("Host", "").partition(":")[0] not in _NAMES:
            self._answer(403, "Call this page by the address that outbox preview has printed.", "text/plain")
        elif path == "/":
            self._answer(200, self.server.page.shown(asked.get("mail"), asked.get("locale")), "text/html")
        elif path == "/state":
            self._answer(200, self.server.page.state(), "text/plain")
        else:
            self._answer(404, "There is only one page: /", "text/plain")

    def _answer(self, status: int, text: str, type_: str) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in (
            ("Content-Type", f"{type_}; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Content-Security-Policy", _POLICY),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing: the page asks twice a second."""


def _template() -> jinja2.Template:
    source = files("outbox.cli").joinpath("preview.html").read_text(encoding="utf-8")
    return jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(source)
