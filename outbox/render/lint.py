"""Find what is wrong with a mail's templates, also what is no error when the mail is rendered."""

import html
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

from outbox.errors import InvalidEmailError, TemplateError, shown
from outbox.mail.text import line
from outbox.render import contexts
from outbox.render.finish import Drafts, relative
from outbox.render.language import marks, rewritten
from outbox.render.markup import pictures
from outbox.render.origins import Origins
from outbox.render.parts import SUFFIXES, Part, Sources
from outbox.render.properties import unknown
from outbox.render.templates import Templates

CLIP = 102_000
"""Bytes of HTML from which on Gmail shows only the beginning of a mail."""

_TO_UNSUBSCRIBE = re.compile(r"(?:https?:|mailto:)[^\s\"'<>]*unsubscribe", re.IGNORECASE)
_UNSUBSCRIBE_URL = "unsubscribe_url"


class Rule(StrEnum):
    """What a mail can break."""

    BROKEN = "broken"
    MISNAMED = "misnamed"
    MISSING_VARIABLE = "missing-variable"
    NO_TEXT = "no-text"
    RELATIVE_LINK = "relative-link"
    UNKNOWN_PROPERTY = "unknown-property"
    NO_ALT = "no-alt"
    CLIPPED = "clipped"
    NO_UNSUBSCRIBE = "no-unsubscribe"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a mail in a language: the rule that it breaks; where, what, and what to do.

    `mail` is empty for a fault of no mail, which is a catalogue's.
    """

    mail: str
    locale: str | None
    rule: Rule
    problem: str

    def __str__(self) -> str:
        return f"{self.problem} [{self.rule}]"


def lint(
    templates: Templates,
    names: Sequence[str] = (),
    *,
    context: Mapping[str, object] | None = None,
    locales: Sequence[str | None] = (),
    bulk: Sequence[str] = (),
) -> list[Finding]:
    """Return what is wrong with the mails `names`, by default the application's, in all their languages.

    `context` is by default the example beside each mail. A mail whose name fits one of the patterns `bulk`,
    such as "news/*", must have a link to unsubscribe. No template makes this raise.
    """
    catalogues = [] if locales else [_misnamed(*each) for each in templates.misnamed_catalogues()]
    return catalogues + [
        finding
        for name in names or templates.own_names()
        for locale in locales or templates.languages(name) or (None,)
        for finding in _findings(
            templates, name, context, locale, bulk=any(fnmatchcase(name, each) for each in bulk)
        )
    ]


def _findings(
    templates: Templates,
    name: str,
    context: Mapping[str, object] | None,
    locale: str | None,
    *,
    bulk: bool,
) -> list[Finding]:
    findings: list[Finding] = []

    def find(rule: Rule, problems: Iterator[str]) -> None:
        findings.extend(Finding(name, locale, rule, problem) for problem in problems)

    stem, _, tag = name.rpartition(".")
    if stem and (right := rewritten(tag)):
        problem = f"{name}: what is asked for in this language is {stem}.{right}. Rename its files."
        find(Rule.MISNAMED, iter([problem]))
        return findings
    try:
        sources = templates.sources(name, locale)
        variables, origin = _context(sources, context)
        find(Rule.MISSING_VARIABLE, _missing(templates, sources, variables, origin))
        if findings:  # rendering would end at the first of them
            return findings
        drafts = templates.drafts(sources, variables)
        for rule, problems in _RULES.items():
            find(rule, problems(sources, drafts))
        origins = templates.origins(sources, variables)
        find(Rule.RELATIVE_LINK, relative(drafts[Part.HTML] or "", origins))
        find(Rule.UNKNOWN_PROPERTY, _misspelt(drafts[Part.HTML] or "", origins))
        if bulk:
            find(Rule.NO_UNSUBSCRIBE, _keeping_readers(sources, drafts, variables))
        if Rule.RELATIVE_LINK not in {each.rule for each in findings}:  # else it would be told twice
            mail = templates.finished(sources, drafts, variables)
            _prove_header(sources, mail.subject)
            find(Rule.CLIPPED, _clipped(sources, mail.html))
    except TemplateError as error:
        find(Rule.BROKEN, iter([str(error)]))
    return findings


def _misnamed(folder: Path, right: str | None) -> Finding:
    remedy = f"Rename it to {right}" if right else "Name it by its language, such as fr or pt_BR"
    return Finding("", None, Rule.MISNAMED, f"{folder}: no mail looks for a catalogue there. {remedy}.")


def _context(sources: Sources, given: Mapping[str, object] | None) -> tuple[Mapping[str, object], str]:
    """Return the variables, and what they are called in a sentence."""
    if given is not None:
        return given, "the context"
    if file := contexts.example_file(sources):
        return contexts.read(file), str(file)
    return {}, f"an example, as there is none: write {sources.folder / sources.name}{contexts.SUFFIXES[0]}"


def _missing(
    templates: Templates, sources: Sources, context: Mapping[str, object], origin: str
) -> Iterator[str]:
    seen = {*context, *marks(sources.tags)}
    for template in sources.parts.values():
        for variable in templates.needed(template):
            if variable.name not in seen:
                seen.add(variable.name)
                yield (
                    f"{variable.where}: reads {variable.name!r}, which is not in {origin}. "
                    f"Add it there, or write a default: {{{{ {variable.name} | default('') }}}}."
                )


def _textless(sources: Sources, drafts: Drafts) -> Iterator[str]:
    if drafts[Part.TEXT] is None and drafts[Part.HTML] is not None:
        wanted = f"the block {Part.TEXT}" if sources.whole else sources.stem + SUFFIXES[Part.TEXT]
        yield (
            f"{sources.file(Part.HTML)}: has no text beside it, so that one is made from the HTML. "
            f"Write {wanted}."
        )


def _mute(sources: Sources, drafts: Drafts) -> Iterator[str]:
    for picture in pictures(drafts[Part.HTML] or ""):
        if "alt" not in picture:
            src = shown(picture.get("src", ""))
            yield (
                f"{sources.file(Part.HTML)}: the picture {src} has no alt, and many see no pictures. "
                'Write what it says, or alt="" for decoration.'
            )


def _misspelt(page: str, origins: Origins) -> Iterator[str]:
    for name, words, meant in unknown(page):
        remedy = f"Did you mean {meant}?" if meant else "Correct it, or take it out."
        yield f"{origins.place(words)}: CSS has no property {shown(name)}, and readers pass over it. {remedy}"


_RULES: dict[Rule, Callable[[Sources, Drafts], Iterator[str]]] = {
    Rule.NO_TEXT: _textless,
    Rule.NO_ALT: _mute,
}


def _prove_header(sources: Sources, subject: str) -> None:
    """Raise TemplateError where an Email would refuse the subject."""
    try:
        line("subject", subject)
    except InvalidEmailError as error:
        raise TemplateError(f"{sources.file(Part.SUBJECT)}: {error}") from error


def _keeping_readers(sources: Sources, drafts: Drafts, context: Mapping[str, object]) -> Iterator[str]:
    url = str(context.get(_UNSUBSCRIBE_URL) or "")
    for part in (Part.TEXT, Part.HTML):
        draft = drafts[part]
        if draft is None or _TO_UNSUBSCRIBE.search(draft) or (url and url in html.unescape(draft)):
            continue
        yield (
            f"{sources.file(part)}: bulk mail must let its reader unsubscribe, and no link here does. "
            f"Write one to the variable {_UNSUBSCRIBE_URL}; and for the button of mail programs give enqueue "
            "the same address: unsubscribe=."
        )


def _clipped(sources: Sources, page: str | None) -> Iterator[str]:
    if page is not None and (size := len(page.encode())) > CLIP:
        yield (
            f"{sources.file(Part.HTML)}: with its styles inlined it has {size:,} bytes, and Gmail cuts it at "
            f"{CLIP:,}. Show less, and link to the rest."
        )
