"""A property that CSS does not have is found wherever a style stands, and nothing else is taken for one."""

import pytest

from outbox import Outbox
from outbox.render.properties import unknown
from tests.unit.render.conftest import Write


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("<style>a { colour: red }</style>", [("colour", "color")]),
        (
            "<style>@media (max-width: 9px) { a:hover { margin: 0; font-wieght: bold } }</style>",
            [("font-wieght", "font-weight")],
        ),
        ('<p style="backgroud: url(data:x;y:z); COLOR: red">', [("backgroud", "background")]),
        ('<p style="fnord: 1"><p style="fnord: 2">', [("fnord", None)]),
    ],
)
def test_what_css_does_not_have_is_found_once(part: str, expected: list[tuple[str, str | None]]) -> None:
    assert [(name, meant) for name, _, meant in unknown(part)] == expected


@pytest.mark.parametrize(
    "css",
    [
        "a:hover, td:first-child { border-top-left-radius: 1px }",
        "/* fnord: 1; */ p { font-family: 'a;fnord:1', \"b;fnord:1\" }",
        "@font-face { font-family: A; src: url(https://example.org/a;fnord:1); }",
        "p { mso-line-height-rule: exactly; -webkit-x: none; --fnord: 1; *zoom: 1; _height: 1px }",
        ":root { color-scheme: light dark; supported-color-schemes: light dark }",
        "p { margin-inline-start: 0; padding: 0; inset-block: 0; border-inline-end-color: red }",
    ],
)
def test_what_it_has_and_what_vendors_and_authors_name_passes(css: str) -> None:
    assert [*unknown(f"<style>{css}</style>")] == []


def test_the_line_of_the_template_is_named(write: Write) -> None:
    folder = write({"a.subject": "A", "a.txt": "A", "a.html": '<p>A</p>\n<p style="colour: red">B</p>'})
    (found,) = Outbox(templates=folder).lint()
    assert str(found) == (
        f"{folder}/a.html:2: CSS has no property 'colour', and readers pass over it. Did you mean color? "
        "[unknown-property]"
    )
