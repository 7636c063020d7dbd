"""The Jinja environment of mails: what is escaped, how names are found, what filters there are."""

from collections.abc import Callable, Sequence
from pathlib import Path

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from outbox.render import blocks
from outbox.render.catalogues import add_gettext
from outbox.render.formats import FILTERS
from outbox.render.parts import Part


class _Loader(jinja2.FileSystemLoader):
    """Reads files by their name, and by `receipt.mail#html` a file as a part of a mail."""

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        file, _, part = template.partition("#")
        if not file:
            return blocks.layout(part), "", lambda: True
        return super().get_source(environment, file)


class _Environment(jinja2.Environment):
    def join_path(self, template: str, parent: str) -> str:
        return blocks.related(parent, template)


class _Sandbox(ImmutableSandboxedEnvironment, _Environment):
    pass


def environment(folders: Sequence[Path], *, sandboxed: bool) -> jinja2.Environment:
    """Return the environment of templates in `folders`, the first of which wins."""
    made = (_Sandbox if sandboxed else _Environment)(
        # With or without the mark that some editors write at the head of UTF-8.
        loader=_Loader(folders, encoding="utf-8-sig"),
        # Only HTML is escaped: the reader of a subject or a text body would see the entities.
        autoescape=lambda template: blocks.part_of(template) == Part.HTML,
        undefined=jinja2.StrictUndefined,
        # A tag on a line of its own leaves no empty line in a text body.
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=True,
    )
    blocks.add_to(made)
    add_gettext(made)
    made.filters.update(FILTERS)
    return made
