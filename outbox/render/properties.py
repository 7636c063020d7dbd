"""Find declarations of properties that CSS does not have: browsers and mail programs pass over them."""

import re
from collections.abc import Iterator
from difflib import get_close_matches

from outbox.render.markup import values

_NONE_OF_OURS = re.compile(r"[*_-]|mso-", re.IGNORECASE)
"""What vendors and authors name themselves, and what old browsers alone read."""

_CLOSE = 0.7
"""How much alike a property has to be to be the one that is meant: that of `difflib`, from 0 to 1."""

_OPAQUE = re.compile(r"/\*.*?(?:\*/|\Z)|\"[^\"]*\"|'[^']*'|url\([^()]*\)", re.DOTALL | re.IGNORECASE)
_DECLARED = re.compile(r"(?:\A|[{;}])\s*+([*_]?[a-z-][\w-]*+)\s*+:[^{};]*+(?=[;}]|\Z)", re.IGNORECASE)

_PLAIN = """
    accent-color align-content align-items align-self all animation animation-delay animation-direction
    animation-duration animation-fill-mode animation-iteration-count animation-name animation-play-state
    animation-timing-function appearance aspect-ratio backdrop-filter backface-visibility background
    background-attachment background-blend-mode background-clip background-color background-image
    background-origin background-position background-position-x background-position-y background-repeat
    background-size block-size border border-bottom-left-radius border-bottom-right-radius
    border-collapse border-color border-image border-image-outset border-image-repeat border-image-slice
    border-image-source border-image-width border-radius border-spacing border-style
    border-top-left-radius border-top-right-radius border-width bottom box-decoration-break box-shadow
    box-sizing break-after break-before break-inside caption-side caret-color clear clip clip-path color
    color-adjust color-scheme column-count column-fill column-gap column-rule column-rule-color
    column-rule-style column-rule-width column-span column-width columns contain content
    counter-increment counter-reset counter-set cursor direction display empty-cells fill fill-opacity
    filter flex flex-basis flex-direction flex-flow flex-grow flex-shrink flex-wrap float font
    font-display font-family font-feature-settings font-kerning font-optical-sizing font-size
    font-size-adjust font-stretch font-style font-synthesis font-variant font-variant-caps
    font-variant-ligatures font-variant-numeric font-variation-settings font-weight forced-color-adjust
    gap grid grid-area grid-auto-columns grid-auto-flow grid-auto-rows grid-column grid-column-end
    grid-column-gap grid-column-start grid-gap grid-row grid-row-end grid-row-gap grid-row-start
    grid-template grid-template-areas grid-template-columns grid-template-rows hanging-punctuation
    height hyphens image-orientation image-rendering inline-size inset isolation justify-content
    justify-items justify-self left letter-spacing line-break line-height list-style list-style-image
    list-style-position list-style-type mask mask-image mask-position mask-repeat mask-size
    max-block-size max-height max-inline-size max-width min-block-size min-height min-inline-size
    min-width mix-blend-mode object-fit object-position opacity order orphans outline outline-color
    outline-offset outline-style outline-width overflow overflow-wrap overflow-x overflow-y
    overscroll-behavior page page-break-after page-break-before page-break-inside perspective
    perspective-origin place-content place-items place-self pointer-events position print-color-adjust
    quotes resize right rotate row-gap scale scroll-behavior scrollbar-color scrollbar-width
    shape-image-threshold shape-margin shape-outside size speak src stroke stroke-width
    supported-color-schemes tab-size table-layout text-align text-align-last text-decoration
    text-decoration-color text-decoration-line text-decoration-skip-ink text-decoration-style
    text-decoration-thickness text-emphasis text-indent text-justify text-orientation text-overflow
    text-rendering text-shadow text-size-adjust text-transform text-underline-offset
    text-underline-position text-wrap top touch-action transform transform-box transform-origin
    transform-style transition transition-delay transition-duration transition-property
    transition-timing-function translate unicode-bidi unicode-range user-select vertical-align
    visibility white-space widows width will-change word-break word-spacing word-wrap writing-mode
    z-index zoom
"""
_SIDES = """
    top right bottom left block inline block-start block-end inline-start inline-end
"""
_BOXES = [
    f"{box}{side}" for box in ("margin", "padding") for side in ("", *(f"-{each}" for each in _SIDES.split()))
]
_BORDERS = [f"border-{side}{part}" for side in _SIDES.split() for part in ("", "-color", "-style", "-width")]
_PROPERTIES = frozenset([*_PLAIN.split(), *_BOXES, *_BORDERS, *(f"inset-{side}" for side in _SIDES.split())])


def unknown(part: str) -> Iterator[tuple[str, str, str | None]]:
    """Yield each property of an HTML part's styles that CSS does not have.

    Of each its name, the declaration where it stands first, and the property that may be meant.
    """
    seen: set[str] = set()
    for name, css in values(part):
        if name not in {"style", "<style>"}:
            continue
        # The end of a declaration is the beginning of the next, and is looked at twice.
        for found in _DECLARED.finditer(_OPAQUE.sub("X", css)):
            declared = found[1]
            known = declared.lower() in _PROPERTIES or _NONE_OF_OURS.match(declared)
            if not known and declared not in seen:
                seen.add(declared)
                meant = get_close_matches(declared.lower(), _PROPERTIES, 1, _CLOSE)
                yield declared, found[0].lstrip("{;} \t\r\n"), next(iter(meant), None)
