"""Find the files that one mail is made of.

A mail has one owner: the first folder that has any file of it, in any language, gives all of its parts. So an
application's own receipt never goes out with the HTML of our example, nor ours to a reader whose language
the application's lacks. And it speaks one language: a mail that has a French file takes all of its parts from
French ones, so that no English text stands behind French HTML. Within a language each part comes from the
most particular file: receipt.fr-CA.html, then receipt.fr.html.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from outbox.errors import TemplateError
from outbox.render.language import is_tag


class Part(StrEnum):
    """A part of a mail, called as its block is in a file of all parts."""

    SUBJECT = "subject"
    TEXT = "text"
    HTML = "html"


SUFFIXES = {Part.SUBJECT: ".subject", Part.TEXT: ".txt", Part.HTML: ".html"}
WHOLE = ".mail"
"""The suffix of a file that holds all parts, each in its block."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The templates of a mail by their part; `file.mail#html` is a block of a file of all parts.

    `stem` is the name of the files without their suffix, and `tags` are the languages that were asked for,
    the most particular first.
    """

    name: str
    tags: Sequence[str]
    folder: Path
    stem: str
    parts: Mapping[Part, str]

    @property
    def whole(self) -> bool:
        """Whether a file holds all parts."""
        return any("#" in file for file in self.parts.values())

    def file(self, part: Part) -> str:
        """Return the path of the file that a part comes from."""
        return str(self.folder / self.parts[part].partition("#")[0])


def find(name: str, tags: Sequence[str], folders: Sequence[Path]) -> Sources | None:
    """Return the files of the mail `name`, of the first folder that has any; None where none has.

    Raises TemplateError where a file of all parts stands beside one of a single part, and where that folder
    has the mail in other languages only.
    """
    variants = [f"{name}.{tag}" for tag in tags]
    for folder in folders:
        if variants and (parts := _parts(folder, variants)):
            return Sources(name, tags, folder, variants[-1], parts)
        if parts := _parts(folder, [name]):
            return Sources(name, tags, folder, name, parts)
        if others := languages(name, [folder]):
            raise TemplateError(
                f"template {name!r}: has no file for {tags[0] if tags else 'a mail without locale='} in "
                f"{str(folder)!r}, only for {', '.join(sorted(map(str, others)))}. Write {name}.subject "
                "and its bodies for all other languages, or give one of these as locale=."
            )
    return None


def _parts(folder: Path, stems: Sequence[str]) -> dict[Part, str]:
    parts: dict[Part, str] = {}
    for stem in stems:
        single = {
            part: stem + suffix for part, suffix in SUFFIXES.items() if (folder / (stem + suffix)).is_file()
        }
        if (folder / (stem + WHOLE)).is_file():
            if single:
                raise TemplateError(
                    f"template {stem!r}: {stem}{WHOLE} stands beside {', '.join(single.values())} in "
                    f"{str(folder)!r}. Keep the one file, or the others."
                )
            single = {part: f"{stem}{WHOLE}#{part}" for part in Part}
        parts = single | parts
    return parts


def names(folders: Sequence[Path]) -> tuple[str, ...]:
    """Return the names of all mails in `folders`, sorted and without their languages.

    A file that begins with an underscore is a layout or a piece of mails, and none itself.
    """
    found = {
        _split(file.relative_to(folder).as_posix().removesuffix(ending))[0]
        for folder in folders
        for ending in (SUFFIXES[Part.SUBJECT], WHOLE)
        for file in folder.rglob(f"[!_]*{ending}")
    }
    return tuple(sorted(found))


def languages(name: str, folders: Sequence[Path]) -> set[str | None]:
    """Return the languages that the files of a mail are written in, None for those without one."""
    for folder in folders:
        found = {
            language
            for suffix in (*SUFFIXES.values(), WHOLE)
            for file in folder.glob(f"{name}*{suffix}")
            for stem, language in [_split(file.relative_to(folder).as_posix().removesuffix(suffix))]
            if stem == name
        }
        if found:
            return found
    return set()


def _split(stem: str) -> tuple[str, str | None]:
    """Return the name of a mail and its language, of the name of its files without their suffix."""
    name, _, tag = stem.rpartition(".")
    return (name, tag) if name and is_tag(tag) else (stem, None)
