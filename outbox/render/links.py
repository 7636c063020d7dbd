"""Find the addresses in an HTML part that lead nowhere from a mailbox.

A mail has no address of its own that "/orders/1" could be relative to. One pass over the tags, in time
that grows with the length only, whatever the HTML.
"""

import html
import re
from collections.abc import Iterator

# The grammar of tags and attributes as browsers read it (HTML Living Standard, section 13.2.5). A comment
# is passed over, except one that is a condition: Outlook reads what stands inside.
_MARKUP = re.compile(
    r"<!--(?!\[if).*?(?:-->|\Z)"
    r"|<style\b[^>]*+>(?P<css>.*?)(?:</style|\Z)"
    r"|<[a-z][^\s/>]*+(?P<attributes>(?:[\s/]*+[^\s=>/]++(?:\s*+=\s*+(?:\"[^\"]*+\"?|'[^']*+'?|[^\s>]++))?+)*+)",
    re.IGNORECASE | re.DOTALL,
)
_ATTRIBUTE = re.compile(
    r"(?:^|(?<=[\s/\"']))(?P<name>href|src|srcset|background|poster|style|xlink:href)"
    r"(?:\s*+=\s*+(?:\"(?P<double>[^\"]*+)|'(?P<single>[^']*+)|(?P<bare>[^\s>]++))|(?=[\s/]|\Z))"
    r"|[^\s=>/]++(?:\s*+=\s*+(?:\"[^\"]*+\"?|'[^']*+'?|[^\s>]++))?+",
    re.IGNORECASE,
)
_MAY_LEAD = re.compile(r"href|src|background|poster|style", re.IGNORECASE)
_CSS_URL = re.compile(
    r"url\(\s*(?:\"([^\"]*)|'([^']*)|([^)]*))|@import\s+(?:\"([^\"]*)|'([^']*))", re.IGNORECASE
)
_CANDIDATES = re.compile(r"(?<=[0-9][wxh]),\s*|,\s+")
# With a host where there must be one. A dot means a host, as in example.org:8000, but for "com.app://".
_ABSOLUTE = re.compile(
    r"#|https?://[^/\s?#]|(?!https?:|localhost:|file:|javascript:|vbscript:)[a-z](?:[a-z0-9+-]*:.|[a-z0-9+.-]*://.)",
    re.IGNORECASE | re.DOTALL,
)


def leading_nowhere(part: str) -> Iterator[str]:
    """Yield the addresses of an HTML part that are relative, lack a scheme or a host, or are empty.

    Looked at are `href`, `src`, `srcset`, `background` and `poster`, and `url()` and `@import` in styles.
    Absolute addresses, `mailto:`, `tel:`, `cid:`, `data:` and the like pass, and `#fragment`. Addresses of
    files and scripts do not: no mail client follows them.
    """
    return (url for url in _urls(part) if not _ABSOLUTE.match(url))


def _urls(part: str) -> Iterator[str]:
    for markup in _MARKUP.finditer(part):
        if markup["css"]:
            yield from _css_urls(markup["css"])
        elif markup["attributes"] and _MAY_LEAD.search(markup["attributes"]):
            yield from _attribute_urls(markup["attributes"])


def _attribute_urls(attributes: str) -> Iterator[str]:
    for found in _ATTRIBUTE.finditer(attributes):
        if found["name"] is None:
            continue
        value = html.unescape(found["double"] or found["single"] or found["bare"] or "").strip()
        match found["name"].lower():
            case "style":
                yield from _css_urls(value)
            case "srcset":
                yield from ((each.split() or [""])[0] for each in _CANDIDATES.split(value))
            case _:
                yield value


def _css_urls(css: str) -> Iterator[str]:
    for groups in _CSS_URL.findall(css):
        yield "".join(groups).strip()
