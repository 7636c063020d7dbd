"""Every finished mail as a reader sees it: rendered with its example, in frames of some widths."""

import html
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from outbox.render.finish import Rendered
from outbox.render.parts import Part
from outbox.render.templates import Templates

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
NAMES = tuple(sorted(file.name.removesuffix(".subject") for file in TEMPLATES.glob("*.subject")))
WIDTHS = (320, 640, 1000)
SCHEMES = ("light", "dark")

_MEASURE = Path(__file__).with_name("measure.js")


def example(name: str) -> dict[str, Any]:
    """Return the context that comes with the mail `name`."""
    context: dict[str, Any] = json.loads((TEMPLATES / f"{name}.example.json").read_text(encoding="utf-8"))
    return context


@cache
def rendered(name: str) -> Rendered:
    """Return the mail `name` with its example."""
    return Templates().render(name, example(name))


def bare(name: str, context: dict[str, Any]) -> str:
    """Return the HTML of a mail before its styles are inlined."""
    templates = Templates()
    return str(templates.drafts(templates.sources(name), context)[Part.HTML])


def stage(mails: Mapping[str, str]) -> str:
    """Return a page that shows each of `mails`, HTML by name, in each width and scheme, and measures them.

    A frame hands its own `color-scheme` to the media queries of what it shows.
    """
    rows = "\n".join(
        f"<div class={scheme}>{''.join(_frame(name, mail, width, scheme) for width in WIDTHS)}</div>"
        for name, mail in mails.items()
        for scheme in SCHEMES
    )
    return (
        "<!DOCTYPE html><meta charset=utf-8><style>"
        "body { margin: 0; width: max-content; }"
        "div { display: flex; align-items: flex-start; gap: 24px; padding: 24px; }"
        ".light { background: #d5dae0; } .dark { background: #30363d; }"
        "iframe { border: 0; }"
        f"</style>{rows}<script type='application/json' id=found></script>"
        f"<script>{_MEASURE.read_text(encoding='utf-8')}</script>"
    )


def _frame(name: str, mail: str, width: int, scheme: str) -> str:
    return (
        f'<iframe width={width} style="color-scheme: {scheme}" scrolling=no '
        f'data-mail="{name}" data-scheme={scheme} srcdoc="{html.escape(mail)}"></iframe>'
    )
