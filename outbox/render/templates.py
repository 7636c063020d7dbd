"""Render a mail from files: NAME.subject, NAME.txt and NAME.html, or NAME.mail with a block for each.

Nothing is left to chance: a missing variable is an error at the call, not a hole in the mail, and so are
broken styles and links that lead nowhere; every error names the file and the remedy.
"""

import difflib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from outbox.errors import TemplateError, shown
from outbox.render import places
from outbox.render.blame import blamed
from outbox.render.catalogues import Catalogues, speaking, spoken
from outbox.render.environment import environment
from outbox.render.finish import Drafts, Rendered, finished
from outbox.render.language import marks, tags
from outbox.render.origins import Origins
from outbox.render.parts import Part, Sources, find, languages, names
from outbox.render.styles import Styles
from outbox.render.variables import Read, needed
from outbox.render.writing import written

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")


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
        if not isinstance(context, Mapping) or not all(isinstance(variable, str) for variable in context):
            raise TemplateError(
                f'context: {shown(context)} does not map names to values. Give a dict like {{"name": "Ada"}}.'
            )
        sources = self.sources(name, locale)
        return self.finished(sources, self.drafts(sources, context), context)

    def sources(self, name: str, locale: str | None = None) -> Sources:
        """Return the files of a mail; raise TemplateError where there is none, or for what is no name."""
        if not _is_name(name):
            raise TemplateError(
                f"template {shown(name)}: is not a template name. "
                "Use letters, digits and _-. with / between folders, without an extension."
            )
        sources = find(name, tags(locale), self._folders)
        if sources is None:
            near = difflib.get_close_matches(name, self.names(), n=3)
            hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else "Check the name."
            raise TemplateError(f"template {name!r}: not found in {self._searched()}. {hint}")
        return sources

    def drafts(self, sources: Sources, context: Mapping[str, object]) -> Drafts:
        """Return each part as its file makes it, None where there is none; raise TemplateError."""
        with speaking(self._catalogues.language(sources.tags)):
            return {part: self._part(sources, part, context) for part in Part}

    def finished(self, sources: Sources, drafts: Drafts, context: Mapping[str, object]) -> Rendered:
        """Return the mail that is sent, made of its drafts; raise TemplateError for one that must not be."""
        return finished(sources, drafts, self._styles, self.origins(sources, context))

    def origins(self, sources: Sources, context: Mapping[str, object]) -> Origins:
        """Return what tells where words of the HTML part come from."""
        return Origins(self._environment, sources, context)

    def needed(self, template: str) -> list[Read]:
        """Return the variables that one of a mail's sources reads without a default; raise TemplateError."""
        try:
            return needed(self._environment, template)
        except Exception as error:  # parentheses within parentheses are too much for Python
            name = template.partition("#")[0]
            files = (folder / name for folder in self._folders)
            where = next((str(file) for file in files if file.is_file()), name)
            raise blamed(error, where, self._searched()) from error

    def names(self) -> tuple[str, ...]:
        """Return the names of all mails, sorted: ours and the application's, without their languages."""
        return names(self._folders)

    def own_names(self) -> tuple[str, ...]:
        """Return the names of the application's own mails, sorted; of ours where it has none."""
        return names(self._folders[:-1]) or self.names()

    def languages(self, name: str) -> tuple[str | None, ...]:
        """Return the languages of a mail, by its files and the catalogues; None is for files without one.

        A mail that is unknown has those of the catalogues.
        """
        own = languages(name, self._folders) if _is_name(name) else set()
        return tuple(sorted(own | self._catalogues.tags(), key=lambda tag: tag or ""))

    def misnamed_catalogues(self) -> Iterator[tuple[Path, str | None]]:
        """Yield the folders of catalogues that no mail looks for, each with its right name if it has one."""
        return self._catalogues.misnamed()

    def files(self) -> Iterator[Path]:
        """Yield every file that a mail may be made of, and what else lies beside it."""
        for folder in (*self._folders, *self._catalogues.folders):
            yield from (Path(root, file) for root, _, files in os.walk(folder) for file in files)

    def _part(self, sources: Sources, part: Part, context: Mapping[str, object]) -> str | None:
        file = sources.parts.get(part)
        if file is None:
            return None
        template = None
        try:
            template = self._environment.get_template(file)
            return written(template, {**marks(spoken().tags), **context}, self._largest)
        # A template runs the application's own code, so anything may come out of it.
        except Exception as error:
            where = (template.filename if template else None) or sources.file(part)
            raise blamed(error, where, self._searched()) from error

    def _searched(self) -> str:
        return ", ".join(repr(str(folder)) for folder in self._folders)


def _is_name(name: object) -> bool:
    return isinstance(name, str) and _NAME.fullmatch(name) is not None
