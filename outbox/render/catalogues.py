"""The language of the mail that is being rendered: its tags, and its gettext catalogue."""

import gettext
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import jinja2

from outbox.errors import TemplateError
from outbox.render.language import meant


@dataclass(frozen=True, slots=True)
class Language:
    """The tags to try, the most particular first, and the catalogue of the first that has one, else None."""

    tags: tuple[str, ...]
    catalogue: gettext.NullTranslations | None


# Not in the context of the template: macros that are imported do not see that, and compiled templates
# serve all languages. A context variable belongs to a module.
_spoken: ContextVar[Language] = ContextVar("outbox_language")
_NONE = Language((), None)


def spoken() -> Language:
    """Return the language of the mail that is being rendered here."""
    return _spoken.get(_NONE)


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Render in a language; each thread and task has its own."""
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


class Catalogues:
    """The gettext catalogues of folders: FOLDER/fr_CA/LC_MESSAGES/messages.mo, the first folder first."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = folders
        # Bounded: the tags may come from whoever sends requests.
        self.language = lru_cache(maxsize=64)(self._language)

    def tags(self) -> set[str]:
        """Return the languages that there are catalogues of."""
        names = (folder.name for folder in self._there() if folder.name == _right_name(folder))
        return {name.replace("_", "-") for name in names}

    def misnamed(self) -> Iterator[tuple[Path, str | None]]:
        """Yield each folder that no mail looks for, and its right name, None where it means no language."""
        named = ((folder, _right_name(folder)) for folder in self._there())
        yield from ((folder, right) for folder, right in named if right != folder.name)

    def _there(self) -> Iterator[Path]:
        for folder in self.folders:
            yield from (file.parent.parent for file in sorted(folder.glob("*/LC_MESSAGES/messages.mo")))

    def _language(self, tags: tuple[str, ...]) -> Language:
        files = (
            folder / _folder(tag) / "LC_MESSAGES" / "messages.mo" for tag in tags for folder in self.folders
        )
        chain = [_read(file) for file in files if file.is_file()]
        for catalogue, next_ in pairwise(chain):
            catalogue.add_fallback(next_)
        return Language(tags, chain[0] if chain else None)


def add_gettext(environment: jinja2.Environment) -> None:
    """Let templates translate: `{% trans %}` and `_()`, in the language that is spoken."""
    environment.add_extension("jinja2.ext.i18n")
    untranslated = gettext.NullTranslations()

    def catalogue() -> gettext.NullTranslations:
        return spoken().catalogue or untranslated

    environment.install_gettext_callables(  # type: ignore[attr-defined] # the extension adds it
        lambda message: catalogue().gettext(message),
        lambda one, many, n: catalogue().ngettext(one, many, n),
        newstyle=True,
        pgettext=lambda context, message: catalogue().pgettext(context, message),
        npgettext=lambda context, one, many, n: catalogue().npgettext(context, one, many, n),
    )


def _folder(tag: str) -> str:
    return tag.replace("-", "_")


def _right_name(folder: Path) -> str | None:
    # Other programs look for en_US.UTF-8, too.
    tag = meant(folder.name.partition(".")[0])
    return _folder(tag) if tag else None


def _read(file: Path) -> gettext.GNUTranslations:
    try:
        with file.open("rb") as opened:
            return gettext.GNUTranslations(opened)
    # gettext unpacks without looking, so a broken file may raise nearly anything.
    except Exception as error:
        raise TemplateError(
            f"translations: {str(file)!r} is no catalogue ({error}). Compile it anew: pybabel compile."
        ) from error
