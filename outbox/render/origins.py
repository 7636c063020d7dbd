"""Tell where words of a finished HTML part come from: the line of a template that has them, or a variable.

Looked for only when there is an error to tell, in the sources: what is rendered has forgotten its lines.
"""

import html
import re
from collections.abc import Iterator, Mapping

from jinja2 import Environment, TemplateNotFound, meta

from outbox.render.parts import Part, Sources


class Origins:
    """The origins of one HTML part; `context` is what it was rendered with."""

    def __init__(self, environment: Environment, sources: Sources, context: Mapping[str, object]) -> None:
        self._environment = environment
        self._sources = sources
        self._context = context

    def place(self, words: str) -> str:
        """Return FILE:LINE of the words, an address or a piece of CSS; FILE where they stand in no source."""
        written = words.strip().partition("\n")[0]
        escaped = html.escape(written, quote=False)
        whole = re.compile(
            rf"(?<![\w.#/-])(?:{re.escape(written)}|{re.escape(escaped)})(?=\s*(?:[\"')>,;{{}}<]|$))",
            re.MULTILINE,
        )
        for file, source in self._files(self._sources.parts[Part.HTML], set()) if written else ():
            if found := whole.search(source):
                line = source.count("\n", 0, found.start()) + 1
                return f"{file}:{line}"
        return self._sources.file(Part.HTML)

    def variable(self, value: str) -> str | None:
        """Return the variable that holds a text, as a template calls it; None where none does."""
        return next(_holding(self._context, value), None)

    def _files(self, template: str, seen: set[str]) -> Iterator[tuple[str, str]]:
        """Yield path and source of a template, and of all that it extends, includes and imports."""
        loader = self._environment.loader
        if template in seen or loader is None:
            return
        seen.add(template)
        try:
            source, file, _ = loader.get_source(self._environment, template)
        except TemplateNotFound:  # it may be meant to be missing
            return
        yield file or template, source
        for other in meta.find_referenced_templates(self._environment.parse(source, template, file)):
            if other is not None:
                yield from self._files(self._environment.join_path(other, template), seen)


def _holding(variables: Mapping[str, object], value: str, depth: int = 3) -> Iterator[str]:
    for name, held in variables.items():
        if (held is None or isinstance(held, str)) and str(held) == value:
            yield name
        elif depth and isinstance(held, dict):
            yield from (f"{name}.{inner}" for inner in _holding(held, value, depth - 1))
        elif depth and isinstance(held, list | tuple):
            for each in held:
                if isinstance(each, dict):
                    yield from (f"{name}[…].{inner}" for inner in _holding(each, value, depth - 1))
