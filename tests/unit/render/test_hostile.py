"""No HTML, however it repeats itself, takes a time that grows with its square.

All is tried in one process that may compute for some seconds: that is several times what it needs, and a
fraction of what a single pattern in quadratic time takes. Nothing is timed.
"""

import json
import resource
import subprocess
import sys

import pytest

SIZE = 400_000
SECONDS = 40

ADDRESSES = "lambda page: list(links._urls(page))"
PICTURES = "lambda page: list(markup.pictures(page))"
INLINED = "styles.Styles().inlined"
ATTRIBUTES = "lambda page: styles.Styles().inlined(page + '>p{}</style>')"
OPENINGS = [
    "<",
    "<!--",
    "<!-- -",
    "<!--[if ",
    "-->",
    "<![if ",
    "<style",
    "<style ",
    "<style>",
    "</style",
    "<a ",
]
WITHIN_A_TAG = ["b", " b", "/", "=", "b=", "='", '="', " href ", "href=", "'", "&"]
WITHIN_MEDIA = [" ", "=", "media", " media", " media=", " media=' ", "'"]
WITHIN_CSS = [
    "url(",
    "url( ",
    'url("',
    "/*",
    "/* ",
    "*/",
    "@import ",
    '@import "',
    " ",
    '"',
    "'",
    '\\"',
    "\\",
]
RULES = ["a", "a ", ";", "{", "}", "a{", "a{}", "a:b;", "<!--", "-", "--a", "*", "a:", ": "]
SELECTORS = [
    "a",
    "a ",
    "a,",
    "a >",
    " ",
    ".a",
    "[a]",
    "[",
    ":a",
    ":a(",
    ":a(b)",
    "(",
    "()",
    "\\",
    "\\a",
    "*",
    "é",
]

HOSTILE: list[tuple[str, str, list[str]]] = [
    (ADDRESSES, "", OPENINGS),
    *((ADDRESSES, before, WITHIN_A_TAG) for before in ("<a ", "<a b='", "<a href='")),
    *((PICTURES, before, WITHIN_A_TAG) for before in ("<img ", "<img b='")),
    (ADDRESSES, "<a srcset='", ["1x, ", ",", ", ", "a 1x,"]),
    *((ADDRESSES, before, WITHIN_CSS) for before in ("<style>", "<a style='")),
    (ADDRESSES, "<a href='", ["a", "a-", "a."]),
    (INLINED, "", OPENINGS),
    *((ATTRIBUTES, f"<style {before}", WITHIN_MEDIA) for before in ("", "media=", "data-css-inline")),
    *(("styles.to_inline", before, WITHIN_CSS + RULES) for before in ("", "p { a: ")),
    ("styles.check_style", "", WITHIN_CSS + RULES),
    ("styles._check_selectors", "", SELECTORS),
    ("styles._check_selectors", "a:b(", SELECTORS),
    (
        "text.tidy",
        "",
        ["[", "]", "[]", "[](", "[a](", "[](#", "[a](#", "](#", "[a", "[](a", "[ ", "\n", "\n "],
    ),
    ("text.tidy", "[](", ["a", ")", "#"]),
]
CODE = """
import json, sys
from outbox.render import links, markup, styles, text

for work, before, units in json.loads(sys.argv[1]):
    for unit in units:
        print(work, repr(before), repr(unit), flush=True)
        try:
            eval(work)(before + unit * (int(sys.argv[2]) // len(unit)))
        except ValueError:
            pass
"""


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


@pytest.mark.parametrize("work", sorted({work for work, _, _ in HOSTILE}))
def test_what_repeats_itself_is_read_in_linear_time(work: str) -> None:
    hostile = [each for each in HOSTILE if each[0] == work]
    command = [sys.executable, "-c", CODE, json.dumps(hostile), str(SIZE)]
    ended = subprocess.run(command, preexec_fn=_limit, capture_output=True, text=True, check=False)
    # The last that is told is what took too long.
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout.splitlines()[-1:]
