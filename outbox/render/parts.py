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

    `stem` is the name of the files without their suffix.
    """

    folder: Path | None
    stem: str
    parts: Mapping[Part, str]


def find(name: str, tags: Sequence[str], folders: Sequence[Path]) -> Sources:
    """Return the files of the mail `name`, of the first folder that has any.

    Raises TemplateError where a file of all parts stands beside one of a single part, and where that folder
    has the mail in other languages only.
    """
    variants = [f"{name}.{tag}" for tag in tags]
    for folder in folders:
        if variants and (parts := _parts(folder, variants)):
            return Sources(folder, variants[-1], parts)
        if parts := _parts(folder, [name]):
            return Sources(folder, name, parts)
        if there := _languages(folder, name):
            raise TemplateError(
                f"template {name!r}: has no file for {tags[0] if tags else 'a mail without locale='} in "
                f"{str(folder)!r}, only for {', '.join(there)}. Write {name}.subject and its bodies for all "
                "other languages, or give one of these as locale=."
            )
    return Sources(None, name, {})


def _languages(folder: Path, name: str) -> list[str]:
    """Return the languages in which a folder has files of a mail, sorted."""
    files = (file.name.removeprefix(Path(name).name + ".") for file in folder.glob(f"{name}.*"))
    found = {file.rpartition(".")[0] for file in files if file.endswith((*SUFFIXES.values(), WHOLE))}
    return sorted(each for each in found if is_tag(each))


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
