"""What becomes of the HTML of a mail: addresses that lead somewhere, styles in the elements, a text."""

import pytest

from outbox.errors import TemplateError
from outbox.render.templates import Templates
from tests.unit.render.conftest import Write


@pytest.mark.parametrize(
    "html",
    [
        '<a href="/orders">',
        "<a href=orders/1>",
        '<img src="//cdn.example.org/a.png">',
        '<a href="">',
        "<td background='a.png'>",
        '<p style="background: url(a.png)">',
        "<style>@media print { p { background: url('a.png') } }</style>",
        '<img srcset="https://example.org/1.png 1x, 2.png 2x">',
        '<a href="https:///x">',
        '<form action="/search">',
        '<!--[if !mso]><!--><a href="/x">x</a><!--<![endif]-->',
        '<!--[if mso]><v:roundrect href="/x"></v:roundrect><![endif]-->',
        '<!--><a href="/x">',
    ],
)
def test_an_address_that_leads_nowhere_from_a_mailbox_is_refused(write: Write, html: str) -> None:
    with pytest.raises(TemplateError, match=r"a\.html(:1)?: the address .* leads nowhere: .* https://"):
        Templates(write({"a.subject": "s", "a.html": html})).render("a", {})


def test_addresses_that_lead_somewhere_pass(write: Write) -> None:
    html = (
        '<a href="https://example.org/a">a</a><a href="mailto:a@example.org">b</a><a href="tel:+49">c</a>'
        '<img src="cid:logo"><img src="data:image/png;base64,AA=="><a href="#top">d</a><!-- <a href="/x"> -->'
        "<style>/* url(/x) */ @media print { p { color: red } }</style>"
    )
    assert Templates(write({"a.subject": "s", "a.html": html})).render("a", {}).html == html


def test_styles_go_into_the_elements_and_media_queries_stay(write: Write) -> None:
    html = "<style>p { color: red } @media (max-width: 9px) { p { color: blue } }</style><p>Hi</p>"
    sent = Templates(write({"a.subject": "s", "a.html": html})).render("a", {}).html
    assert sent is not None
    assert '<p style="color: red' in sent
    assert "@media" in sent


@pytest.mark.parametrize("media", ["media=print", 'type="text/css" media="(prefers-color-scheme: dark)"'])
def test_a_style_sheet_for_some_readers_goes_into_no_element(write: Write, media: str) -> None:
    html = f"<style {media}>p {{ color: red }}</style><style media=screen>p {{ margin: 0 }}</style><p>Hi</p>"
    sent = Templates(write({"a.subject": "s", "a.html": html})).render("a", {}).html
    assert sent is not None
    assert '<p style="margin: 0;">' in sent
    assert ">p { color: red }</style>" in sent


def test_a_condition_that_inlining_would_lose_is_refused(write: Write) -> None:
    html = "<style>p { color: red }</style><![if !mso]><p>Hi</p><![endif]>"
    with pytest.raises(TemplateError, match=r"a\.html: <!\[if .*Write <!--\[if"):
        Templates(write({"a.subject": "s", "a.html": html})).render("a", {})


def test_quotes_and_comments_of_css_hide_what_is_in_them(write: Write) -> None:
    css = "p { content: '/*}'; background: url(https://e.example/*.png;}) } /* } ' */ p { *zoom: 1 }"
    html = f"<style>{css}</style><p style=\"--a: ''; mso-hide: all\">Hi</p>"
    assert Templates(write({"a.subject": "s", "a.html": html})).render("a", {}).html


@pytest.mark.parametrize(
    "css",
    [
        "p { color: red",
        "p { color }",
        "p { color: }",
        "p { the color: red }",
        "p } ",
        "/* p { color: red }",
        "{ color: red }",
        "// red\np { color: red }",
        "p { content: 'a }",
        'p[title="a] { color: red }',
        "h1, { color: red }",
        ".a .. b { color: red }",
        "h1 > { color: red }",
        "#1a { color: red }",
        "h1; p { color: red }",
        "p { 50% { color: red } }",
    ],
)
def test_broken_styles_are_told_by_the_file(write: Write, css: str) -> None:
    with pytest.raises(TemplateError, match=r"a\.html(:\d)?: .*CSS"):
        Templates(write({"a.subject": "s", "a.html": f"<style>{css}</style><p>Hi</p>"})).render("a", {})


@pytest.mark.parametrize("style", ["color red", "color: red; width", "color: red }", "font-family: 'A"])
def test_a_broken_style_of_an_element_is_told_by_the_file(write: Write, style: str) -> None:
    with pytest.raises(TemplateError, match=r"a\.html(:1)?: (the CSS|a style) has "):
        Templates(write({"a.subject": "s", "a.html": f'<p style="{style}">Hi</p>'})).render("a", {})


def test_a_text_is_made_of_the_html_with_the_targets_of_its_links(write: Write) -> None:
    html = '<h1>Hello</h1><p>See <a href="https://example.org/1">your order</a>.</p><p>Bye</p>'
    text = Templates(write({"a.subject": "s", "a.html": html})).render("a", {}).text
    assert text == "Hello\n\nSee [your order](https://example.org/1).\n\nBye\n"
