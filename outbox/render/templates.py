"""Render a mail from template files: NAME.subject, NAME.txt and NAME.html.

Nothing is left to chance: a missing variable is an error at the call, not a hole in the mail, and every
error names the file, the line and the remedy.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from outbox.errors import TemplateError, shown
from outbox.render.blame import blamed

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")
_SUBJECT, _TEXT, _HTML = ".subject", ".txt", ".html"


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a template made: a subject of one line, and a text body, an HTML body or both."""

    subject: str
    text: str | None
    html: str | None


class Templates:
    """The templates of an application, with ours behind them as a fallback and to extend.

    `directories` are searched in their order, then the examples that come with the outbox. Files are
    UTF-8, and only `.html` is escaped. Compiled templates are kept, and read again when a file changes.
    Safe to share between threads. Raises TemplateError for a directory that is missing.
    """

    def __init__(self, directories: Path | str | Sequence[Path | str] = ()) -> None:
        if isinstance(directories, str | Path):
            directories = (directories,)
        self._directories = (*(Path(directory) for directory in directories), _own_directory())
        for directory in self._directories:
            if not directory.is_dir():
                raise TemplateError(
                    f"templates: {str(directory)!r} is no directory. Create it, or leave it out."
                )
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(self._directories),
            # Only HTML is escaped: the reader of a subject or a text body would see the entities.
            autoescape=jinja2.select_autoescape(enabled_extensions=["html"]),
            undefined=jinja2.StrictUndefined,
            # A tag on a line of its own leaves no empty line in a text body.
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=True,
        )

    def render(self, name: str, context: Mapping[str, object]) -> Rendered:
        """Return the mail `name` with `context` as its variables.

        Raises TemplateError for a template that is unknown, incomplete or broken, for a variable that is
        missing, and for anything that an expression of the template raises.
        """
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise TemplateError(
                f"template {shown(name)}: is not a template name. "
                "Use letters, digits and _-. with / between folders, without an extension."
            )
        owner = self._owner(name)
        subject, text, html = (self._find(name + suffix, owner) for suffix in (_SUBJECT, _TEXT, _HTML))
        if subject is None or (text is None and html is None):
            raise self._incomplete(name, subject, text or html)
        return Rendered(
            subject=self._one_line(subject, context),
            text=None if text is None else self._render(text, context),
            html=None if html is None else self._render(html, context),
        )

    def names(self) -> tuple[str, ...]:
        """Return the names that have a subject, sorted: ours and the application's."""
        found = self._environment.list_templates(extensions=[_SUBJECT.removeprefix(".")])
        return tuple(name.removesuffix(_SUBJECT) for name in found)

    def _owner(self, name: str) -> Path | None:
        """Return the first directory that has any file of the mail: all of its parts come from there.

        An application's own receipt without an HTML part must not go out with the HTML of our example.
        """
        files = [name + suffix for suffix in (_SUBJECT, _TEXT, _HTML)]
        return next(
            (
                directory
                for directory in self._directories
                if any((directory / file).is_file() for file in files)
            ),
            None,
        )

    def _find(self, file: str, owner: Path | None) -> jinja2.Template | None:
        if owner is None or not (owner / file).is_file():
            return None
        try:
            return self._environment.get_template(file)
        except Exception as error:
            raise blamed(error, file, self._searched()) from error

    def _render(self, template: jinja2.Template, context: Mapping[str, object]) -> str:
        try:
            return template.render(context)
        # A template runs the application's own code, so anything may come out of it.
        except Exception as error:
            raise blamed(error, template.filename or str(template.name), self._searched()) from error

    def _one_line(self, template: jinja2.Template, context: Mapping[str, object]) -> str:
        subject = self._render(template, context).strip()
        if len(subject.splitlines()) > 1:
            raise TemplateError(
                f"{template.filename}: the subject has a line break: {shown(subject)}. "
                "Write it on one line, and clean the variable that brought the break."
            )
        return subject

    def _incomplete(
        self, name: str, subject: jinja2.Template | None, body: jinja2.Template | None
    ) -> TemplateError:
        if subject is None and body is None:
            near = difflib.get_close_matches(name, self.names(), n=3)
            hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else "Check the name."
            return TemplateError(f"template {name!r}: not found in {self._searched()}. {hint}")
        missing = f"{name}{_SUBJECT}" if subject is None else f"{name}{_TEXT} or {name}{_HTML}"
        found = subject or body
        beside = Path(found.filename).parent if found and found.filename else "the others"
        return TemplateError(f"template {name!r}: has no {missing}. Create it in {str(beside)!r}.")

    def _searched(self) -> str:
        return ", ".join(repr(str(directory)) for directory in self._directories)


def _own_directory() -> Path:
    """Return our templates: a wheel has them inside the package, a checkout beside it."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_templates"
    return installed if installed.is_dir() else package.parent / "templates"
