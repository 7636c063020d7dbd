"""Read the attributes and style sheets out of HTML that a mail client may see.

One pass over the tags, in time that grows with the length only, whatever the HTML.
"""

import html
import re
from collections.abc import Iterator

# The grammar of tags and attributes as browsers read it (HTML Living Standard, section 13.2.5). A comment
# is passed over, except one that is a condition: Outlook reads what stands inside; <!--> is a whole comment.
# All begin with one <, which lets the search skip words at full speed.
_MARKUP = re.compile(
    r"<(?:!--(?!\[if)(?:-?>|[^-]*+(?:-(?!-!?>)[^-]*+)*+)"
    r"|style\b[^>]*+>(?P<css>[^<]*+(?:<(?!/style)[^<]*+)*+)"
    r"|(?P<tag>[a-z][^\s/>]*+)"
    r"(?P<attributes>(?:[\s/]*+[^\s=>/]++(?:\s*+=\s*+(?:\"[^\"]*+\"?|'[^']*+'?|[^\s>]++))?+)*+))",
    re.IGNORECASE | re.DOTALL,
)
_ATTRIBUTE = re.compile(
    r"(?:^|(?<=[\s/\"']))(?P<name>href|src|srcset|background|poster|action|style|xlink:href)"
    r"(?:\s*+=\s*+(?:\"(?P<double>[^\"]*+)|'(?P<single>[^']*+)|(?P<bare>[^\s>]++))|(?=[\s/]|\Z))"
    r"|[^\s=>/]++(?:\s*+=\s*+(?:\"[^\"]*+\"?|'[^']*+'?|[^\s>]++))?+",
    re.IGNORECASE,
)
_ANY_ATTRIBUTE = re.compile(
    r"(?P<name>[^\s=>/]++)"
    r"(?:\s*+=\s*+(?:\"(?P<double>[^\"]*+)\"?|'(?P<single>[^']*+)'?|(?P<bare>[^\s>]++)))?+"
)
_MAY_HAVE_ONE = re.compile(r"href|src|background|poster|action|style", re.IGNORECASE)


def values(part: str) -> Iterator[tuple[str, str]]:
    """Yield the attributes that hold addresses or styles, name and value, and "<style>" with each sheet."""
    for markup in _MARKUP.finditer(part):
        if markup["css"]:
            yield "<style>", markup["css"]
        elif markup["attributes"] and _MAY_HAVE_ONE.search(markup["attributes"]):
            for found in _ATTRIBUTE.finditer(markup["attributes"]):
                if found["name"] is not None:
                    yield found["name"].lower(), _value(found).strip()


def pictures(part: str) -> Iterator[dict[str, str]]:
    """Yield the attributes of each `<img>`, also of those that only Outlook sees."""
    for markup in _MARKUP.finditer(part):
        if (markup["tag"] or "").lower() == "img":
            yield {
                found["name"].lower(): _value(found)
                for found in _ANY_ATTRIBUTE.finditer(markup["attributes"])
            }


def _value(attribute: re.Match[str]) -> str:
    return html.unescape(attribute["double"] or attribute["single"] or attribute["bare"] or "")
