"""`outbox preview`: a mail as its templates make it, in the terminal, in files, or on a page."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from jinja2 import UndefinedError

from outbox.cli.ending import CommandError
from outbox.cli.options import template_folders
from outbox.cli.reading import variables
from outbox.errors import EX_UNAVAILABLE, TemplateError
from outbox.mail.address import parse_address
from outbox.mail.compose import compose
from outbox.mail.email import Email
from outbox.mail.identity import RANDOM_BYTES, uuid7
from outbox.render.contexts import SUFFIXES, example
from outbox.render.lint import lint
from outbox.settings.make_outbox import templates_of
from outbox.settings.sources import load_without_relays
from outbox.smtp.reply import printable

if TYPE_CHECKING:
    from outbox.render.finish import Rendered
    from outbox.render.templates import Templates
    from outbox.settings import Settings

_SENDER = "sender@example.com"
_READER = "reader@example.com"


@click.command()
@click.argument("name", required=False)
@click.option("--context", metavar="FILE", help="Its variables, JSON or TOML; by default NAME.example.json.")
@click.option("--locale", metavar="TAG", help="Its language, such as fr or fr-CA.")
@click.option("--html", is_flag=True, help="Print the HTML part in place of the text.")
@click.option(
    "--out",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the parts, and the whole mail as NAME.eml, into this folder.",
)
@click.option("--serve", is_flag=True, help="Show it on a page of this machine, which follows every save.")
@click.option("--port", default=8026, show_default=True, type=click.IntRange(0, 65535), help="0: a free one.")
@template_folders
def preview(
    name: str | None,
    context: str | None,
    locale: str | None,
    out: Path | None,
    port: int,
    folders: tuple[str, ...],
    *,
    html: bool,
    serve: bool,
) -> None:
    """Show the mail NAME as its templates make it, and tell what is wrong with it.

    Without NAME all mails are listed, with their languages. The example that stands beside a mail, such as
    NAME.fr.example.json or NAME.example.toml, gives its variables where --context names no file.
    """
    if (html or out) and (serve or name is None):
        raise click.UsageError(
            "--html and --out are for one mail in the terminal. Give its NAME, and no --serve."
        )
    settings = load_without_relays(templates=folders or None)
    if serve:
        _serve(settings, name, context, locale, port)
    elif name is None:
        _list(templates_of(settings))
    else:
        _show(settings, name, context, locale, out, html=html)


def _list(templates: Templates) -> None:
    for name in templates.names():
        click.echo(" ".join([name, *filter(None, templates.languages(name))]))


def _show(
    settings: Settings, name: str, context: str | None, locale: str | None, out: Path | None, *, html: bool
) -> None:
    templates = templates_of(settings)
    given = variables(context) if context else example(templates.sources(name, locale))
    try:
        mail = templates.render(name, given, locale)
    except TemplateError as error:
        if given or not isinstance(error.__cause__, UndefinedError):
            raise
        file = templates.sources(name, locale).folder / (name + SUFFIXES[0])
        raise TemplateError(f"{error} It was given no variables: write {file}, or give --context.") from error
    if out is not None:
        _write(out / (f"{name}.{locale}" if locale else name), mail, settings.sender or _SENDER)
    elif html:
        if mail.html is None:
            raise CommandError(f"{name} has no HTML part. Leave --html out to see its text.", EX_UNAVAILABLE)
        click.echo(mail.html.rstrip("\n"))
    else:
        click.echo(f"Subject: {printable(mail.subject)}\n\n{(mail.text or '').rstrip()}")
    for finding in lint(templates, [name], context=given, locales=[locale]):
        click.echo(printable(str(finding)), err=True)


def _write(stem: Path, mail: Rendered, sender: str) -> None:
    """Write STEM.subject, .txt and .html as far as the mail has them, and the composed mail as STEM.eml."""
    now = datetime.now(UTC)
    composed = compose(
        Email(to=_READER, subject=mail.subject, text=mail.text, html=mail.html),
        id=uuid7(int(now.timestamp() * 1000), os.urandom(RANDOM_BYTES)),
        sender=parse_address("sender", sender),
        at=now,
    )
    parts = {".subject": f"{mail.subject}\n", ".txt": mail.text, ".html": mail.html}
    files = {suffix: text.encode() for suffix, text in parts.items() if text is not None}
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        for suffix, content in {**files, ".eml": composed}.items():
            file = stem.parent / (stem.name + suffix)
            file.write_bytes(content)
            click.echo(file)
    except OSError as error:
        raise CommandError(
            f"--out: {error.filename} cannot be written: {error.strerror}. Give another folder.",
            EX_UNAVAILABLE,
        ) from error


def _serve(settings: Settings, name: str | None, context: str | None, locale: str | None, port: int) -> None:
    if context == "-":
        raise click.UsageError("--context - is read once, and a page needs it at each save. Give a file.")
    # Only here: the terminal needs no web server.
    from outbox.cli.preview_page import Page, serve  # noqa: PLC0415

    page = Page(lambda: templates_of(settings), Path(context) if context else None)
    serve(page, port, name, locale)
