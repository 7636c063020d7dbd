"""Make of the parts of a mail, as their files render them, the mail that is sent.

Every address is proven to lead somewhere, styles are inlined, a text is made where there is none.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from outbox.errors import TemplateError, shown
from outbox.render.links import leading_nowhere
from outbox.render.origins import Origins
from outbox.render.parts import SUFFIXES, Part, Sources
from outbox.render.styles import BrokenCSSError, Styles
from outbox.render.text import text_of

Drafts = Mapping[Part, str | None]
"""Each part as its file renders it; None where there is none."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a template made: a subject of one line, and a text body, an HTML body or both."""

    subject: str
    text: str | None
    html: str | None


def finished(sources: Sources, drafts: Drafts, styles: Styles, origins: Origins) -> Rendered:
    """Return the mail that is sent; raise TemplateError, which names the file, for one that must not be."""
    subject, text, html = drafts[Part.SUBJECT], drafts[Part.TEXT], drafts[Part.HTML]
    if subject is None or (text is None and html is None):
        raise _incomplete(sources, subject=subject is not None)
    if html is not None:
        for problem in relative(html, origins):
            raise TemplateError(problem)
        html = _made(sources, origins, styles.inlined, html)
        text = text if text is not None else _made(sources, origins, text_of, html)
    return Rendered(_one_line(sources, subject), text, html)


def relative(html: str, origins: Origins) -> Iterator[str]:
    """Yield for each address that leads nowhere where it stands, what is wrong with it, and what to do."""
    for url in leading_nowhere(html):
        variable = origins.variable(url)
        whose = f", which is the variable {variable!r}," if variable else ""
        yield (
            f"{origins.place(url)}: the address {shown(url)}{whose} "
            "leads nowhere: a mail has no site that it could be relative to. "
            "Write it whole, with https:// and the host of your site."
        )


def _made(sources: Sources, origins: Origins, make: Callable[[str], str], html: str) -> str:
    try:
        return make(html)
    except BrokenCSSError as error:
        raise TemplateError(f"{origins.place(error.words)}: {error}") from error
    except (ValueError, TemplateError) as error:
        raise TemplateError(f"{sources.file(Part.HTML)}: {error}") from error


def _one_line(sources: Sources, rendered: str) -> str:
    subject = rendered.strip()
    if len(subject.splitlines()) > 1:
        raise TemplateError(
            f"{sources.file(Part.SUBJECT)}: the subject has a line break: {shown(subject)}. "
            "Write it on one line, and clean the variable that brought the break."
        )
    return subject


def _incomplete(sources: Sources, *, subject: bool) -> TemplateError:
    if sources.whole:
        missing = f"block {Part.SUBJECT}" if not subject else f"block {Part.TEXT} or {Part.HTML}"
        return TemplateError(f"{sources.file(Part.SUBJECT)}: has no {missing}. Write it.")
    stem = sources.stem
    missing = f"{stem}{SUFFIXES[Part.SUBJECT]}" if not subject else f"{stem}.txt or {stem}.html"
    return TemplateError(
        f"template {sources.name!r}: has no {missing}. Create it in {str(sources.folder)!r}."
    )
