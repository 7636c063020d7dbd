"""Find the addresses in an HTML part that lead nowhere from a mailbox.

A mail has no address of its own that "/orders/1" could be relative to.
"""

import re
from collections.abc import Iterator

from outbox.render.markup import values

_CSS_URL = re.compile(
    r"/\*.*?(?:\*/|\Z)|url\(\s*(?:\"([^\"]*)|'([^']*)|([^)]*))|@import\s+(?:\"([^\"]*)|'([^']*))",
    re.IGNORECASE | re.DOTALL,
)
_CANDIDATES = re.compile(r"(?<=[0-9][wxh]),\s*|,\s+")
# With a host where there must be one. A dot means a host, as in example.org:8000, but for "com.app://".
_ABSOLUTE = re.compile(
    r"#|https?://[^/\s?#]|(?!https?:|localhost:|file:|javascript:|vbscript:)[a-z](?:[a-z0-9+-]*:.|[a-z0-9+.-]*://.)",
    re.IGNORECASE | re.DOTALL,
)


def leading_nowhere(part: str) -> Iterator[str]:
    """Yield the addresses of an HTML part that are relative, lack a scheme or a host, or are empty.

    Looked at are `href`, `src`, `srcset`, `background`, `poster` and `action`, and `url()` and `@import` in
    styles. Absolute addresses, `mailto:`, `tel:`, `cid:`, `data:` and the like pass, and `#fragment`. Those
    of files and scripts do not: no mail client follows them.
    """
    return (url for url in _urls(part) if not _ABSOLUTE.match(url))


def _urls(part: str) -> Iterator[str]:
    for name, value in values(part):
        match name:
            case "style" | "<style>":
                yield from _css_urls(value)
            case "srcset":
                yield from ((each.split() or [""])[0] for each in _CANDIDATES.split(value))
            case _:
                yield value


def _css_urls(css: str) -> Iterator[str]:
    for found in _CSS_URL.finditer(css):
        if found.lastindex:  # a comment has no group
            yield found[found.lastindex].strip()
