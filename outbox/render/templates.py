"""Render a mail from files: NAME.subject, NAME.txt and NAME.html, or NAME.mail with a block for each.

Nothing is left to chance: a missing variable is an error at the call, not a hole in the mail, and so are
broken styles and links that lead nowhere; every error names the file and the remedy.
"""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from outbox.errors import TemplateError, shown
from outbox.render import places
from outbox.render.blame import blamed
from outbox.render.catalogues import Catalogues, speaking, spoken
from outbox.render.environment import environment
from outbox.render.language import tags, variables
from outbox.render.links import leading_nowhere
from outbox.render.parts import SUFFIXES, WHOLE, Part, Sources, find
from outbox.render.styles import Styles
from outbox.render.text import text_of
from outbox.render.writing import written

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a template made: a subject of one line, and a text body, an HTML body or both."""

    subject: str
    text: str | None
    html: str | None


class Templates:
    """The templates of an application, with ours behind them as a fallback and to extend.

    `folders` are searched in their order, then the examples that come with the outbox; "package=NAME" is
    the folder `templates` of an installed package. `translations` are folders of gettext catalogues. Files
    are UTF-8, and only HTML is escaped. Compiled templates are kept, and read again when a file changes.
    Whoever lets users edit templates makes them `sandboxed`. No part may have more than `largest` characters.
    Safe to share between threads. Raises TemplateError for a folder that is missing.
    """

    def __init__(
        self,
        folders: places.Place | Sequence[places.Place] = (),
        *,
        translations: places.Place | Sequence[places.Place] = (),
        sandboxed: bool = False,
        largest: int | None = None,
    ) -> None:
        self._folders = (*places.folders("templates", folders), places.own())
        self._catalogues = Catalogues(places.folders("translations", translations))
        self._environment = environment(self._folders, sandboxed=sandboxed)
        self._styles = Styles()
        self._largest = largest

    def render(self, name: str, context: Mapping[str, object], locale: str | None = None) -> Rendered:
        """Return the mail `name` with `context` as its variables, in the language `locale`, such as "fr-CA".

        `lang` and `dir` are variables too, by the locale, where the context has none of its own.
        Without a text part, the text is made from the HTML. Raises TemplateError for a template that is
        unknown, incomplete or broken, for a variable that is missing, for anything that an expression of the
        template raises, for broken styles, and for an address in the HTML that is not absolute.
        """
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise TemplateError(
                f"template {shown(name)}: is not a template name. "
                "Use letters, digits and _-. with / between folders, without an extension."
            )
        languages = tags(locale)
        sources = find(name, languages, self._folders)
        with speaking(self._catalogues.language(languages)):
            subject, text, html = (self._part(sources, part, context) for part in Part)
        if subject is None or (text is None and html is None):
            raise self._incomplete(name, sources, subject=subject is not None)
        if html is not None:
            html = self._as_sent(sources, html)
            text = text if text is not None else self._made(sources, text_of, html)
        return Rendered(self._one_line(sources, subject), text, html)

    def names(self) -> tuple[str, ...]:
        """Return the names of all mails, sorted: ours and the application's, without their languages."""
        endings = (SUFFIXES[Part.SUBJECT], WHOLE)
        found = {
            file.removesuffix(ending)
            for file in self._environment.list_templates(filter_func=lambda file: file.endswith(endings))
            for ending in endings
            if file.endswith(ending)
        }
        return tuple(sorted(name for name in found if name.rpartition(".")[0] not in found))

    def _part(self, sources: Sources, part: Part, context: Mapping[str, object]) -> str | None:
        file = sources.parts.get(part)
        if file is None:
            return None
        template = None
        try:
            template = self._environment.get_template(file)
            return written(template, {**variables(spoken().tags), **context}, self._largest)
        # A template runs the application's own code, so anything may come out of it.
        except Exception as error:
            where = (template.filename if template else None) or file.partition("#")[0]
            raise blamed(error, where, self._searched()) from error

    def _as_sent(self, sources: Sources, html: str) -> str:
        """Return an HTML part with its styles inlined, and every address proven to lead somewhere."""
        if (url := leading_nowhere(html)) is not None:
            raise TemplateError(
                f"{self._file(sources, Part.HTML)}: the address {shown(url)} leads nowhere: a mail has no "
                "site that it could be relative to. Write it whole, with https:// and the host of your site."
            )
        return self._made(sources, self._styles.inlined, html)

    def _made(self, sources: Sources, make: Callable[[str], str], html: str) -> str:
        try:
            return make(html)
        except (ValueError, TemplateError) as error:
            raise TemplateError(f"{self._file(sources, Part.HTML)}: {error}") from error

    def _one_line(self, sources: Sources, rendered: str) -> str:
        subject = rendered.strip()
        if len(subject.splitlines()) > 1:
            raise TemplateError(
                f"{self._file(sources, Part.SUBJECT)}: the subject has a line break: {shown(subject)}. "
                "Write it on one line, and clean the variable that brought the break."
            )
        return subject

    def _file(self, sources: Sources, part: Part) -> str:
        file = sources.parts[part].partition("#")[0]
        return str(sources.folder / file) if sources.folder else file

    def _incomplete(self, name: str, sources: Sources, *, subject: bool) -> TemplateError:
        if not sources.parts:
            near = difflib.get_close_matches(name, self.names(), n=3)
            hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else "Check the name."
            return TemplateError(f"template {name!r}: not found in {self._searched()}. {hint}")
        stem = sources.stem
        if f"{stem}{WHOLE}" in {file.partition("#")[0] for file in sources.parts.values()}:
            missing = f"block {Part.SUBJECT}" if not subject else f"block {Part.TEXT} or {Part.HTML}"
            return TemplateError(f"{self._file(sources, Part.SUBJECT)}: has no {missing}. Write it.")
        missing = f"{stem}{SUFFIXES[Part.SUBJECT]}" if not subject else f"{stem}.txt or {stem}.html"
        return TemplateError(f"template {name!r}: has no {missing}. Create it in {str(sources.folder)!r}.")

    def _searched(self) -> str:
        return ", ".join(repr(str(folder)) for folder in self._folders)
