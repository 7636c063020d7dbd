"""What is wrong with an HTML part is told by the line of the template that brought it, or by the variable."""

import pytest

from outbox.errors import TemplateError
from outbox.render.lint import lint
from outbox.render.templates import Templates
from tests.unit.render.conftest import Write

LAYOUT = """<html>
<style>
h1 { color: red; }
.card { colour; }
</style>
{% block content %}{% endblock %}
<a href="/legal?a=1&amp;b=2">Legal</a>
"""


@pytest.mark.parametrize(
    ("files", "where"),
    [
        ({"a.html": "<p>One\n<a href='/orders/1'>"}, "a.html:2: the address '/orders/1' "),
        ({"a.html": "<p>1 / 2\n<a href=/>"}, "a.html:2: the address '/' "),
        (
            {"a.html": "\n<style>\np { color: red }\n.a { color: ; }</style>"},
            "a.html:4: the CSS has 'color:'",
        ),
        ({"a.html": "<style>\np { color: red }\nh1, { color: red }</style>"}, "a.html:3: the CSS has 'h1,'"),
        ({"a.html": "<style>\np { color: red }\np { color: blue</style>"}, "a.html:3: the CSS ends in"),
        ({"a.html": "<p>\n<p style='color red'>"}, "a.html:2: the CSS has 'color red'"),
        (
            {"a.html": "{% extends '_b.html' %}", "_b.html": LAYOUT.replace("colour;", "")},
            "_b.html:7: the address",
        ),
        (
            {"a.html": "{% extends '_b.html' %}", "_b.html": LAYOUT.replace("/legal", "https://e.org/")},
            "_b.html:4: the CSS has 'colour'",
        ),
        (
            {
                "a.html": "{% from '_m.html' import link %}\n{{ link() }}",
                "_m.html": "{% macro link() %}\n<a href=''>{% endmacro %}",
            },
            "a.html: the address ''",
        ),
        (
            {"a.mail": "{% block subject %}s{% endblock %}\n{% block html %}\n<a href='x'>{% endblock %}"},
            "a.mail:3: the address 'x' ",
        ),
        # Put together by the template: there is no such line.
        ({"a.html": "{% set no = 7 %}<a href='/orders/{{ no }}'>"}, "a.html: the address '/orders/7' leads"),
    ],
)
def test_the_line_that_brought_it_is_told(write: Write, files: dict[str, str], where: str) -> None:
    folder = write({"a.subject": "s"} | files if "a.mail" not in files else files)
    with pytest.raises(TemplateError) as caught:
        Templates(folder).render("a", {})
    assert str(caught.value).startswith(f"{folder}/{where}")


@pytest.mark.parametrize(
    ("address", "context", "name"),
    [
        ("url", {"other": "x", "url": "/a"}, "url"),
        ("url", {"url": None}, "url"),
        ("order.url", {"order": {"no": 7, "url": "/a"}}, "order.url"),
        ("orders[0].url", {"orders": [{"url": "/a"}]}, "orders[…].url"),
    ],
)
def test_the_variable_that_brought_an_address_is_told(
    write: Write, address: str, context: dict[str, object], name: str
) -> None:
    folder = write({"a.subject": "s", "a.txt": "t", "a.html": f"<a href='{{{{ {address} }}}}'>"})
    with pytest.raises(TemplateError) as caught:
        Templates(folder).render("a", context)
    assert f", which is the variable {name!r}, leads nowhere" in str(caught.value)
    assert [each.problem for each in lint(Templates(folder), context=context)] == [str(caught.value)]


def test_a_context_within_itself_is_looked_through_once(write: Write) -> None:
    context: dict[str, object] = {"url": "/a", "first": {}}
    context["first"] = context
    folder = write({"a.subject": "s", "a.html": "<a href='/b'>"})
    with pytest.raises(TemplateError, match=r"a\.html:1: the address '/b' leads"):
        Templates(folder).render("a", context)


def test_a_template_that_includes_itself_is_looked_through_once(write: Write) -> None:
    inner = "{% if false %}{% include '_b.html' %}{% endif %}\n<a href='/b'>"
    folder = write({"a.subject": "s", "a.html": "{% include '_b.html' %}", "_b.html": inner})
    with pytest.raises(TemplateError, match=r"_b\.html:2: the address '/b' leads"):
        Templates(folder).render("a", {})
    (folder / "_b.html").write_text("{% if false %}{% include '_b.html' %}{% endif %}<a href='/{{ 7 }}'>")
    with pytest.raises(TemplateError, match=r"a\.html: the address '/7' leads"):
        Templates(folder).render("a", {})


@pytest.mark.parametrize(
    "selectors",
    [
        "*", "h1", "h1, h2 , p", "a:hover", "a[x-apple-data-detectors]", "td[class*='col-1']", "u + .body .a",
        "* html .a", "ul > li ~ li:nth-child(2n + 1)::before", "p:not(.a, :is(b, i))", "#outlook a",
        r"v\:*", r".md\:w-full", ".Größe", "::-webkit-input-placeholder", ".a.b#c", "[owa] .a", ":root",
    ],
)  # fmt: skip
def test_a_selector_that_selects_something_is_sound(write: Write, selectors: str) -> None:
    css = f"{selectors} {{ color: red }} @media print {{ {selectors} {{ color: blue }} }}"
    frames = "@-webkit-keyframes x { from { top: 0 } 50.5%, 60% { top: 1px } to { top: 2px } }"
    folder = write({"a.subject": "s", "a.html": f"<style>{css} {frames}</style><p>Hi</p>"})
    assert Templates(folder).render("a", {}).html
