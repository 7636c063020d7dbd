"""Files of all parts, languages, packages, styles, addresses and the sandbox, each through a whole mail."""

import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from babel import Locale
from babel.localedata import locale_identifiers
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from outbox.errors import TemplateError
from outbox.render.finish import Rendered
from outbox.render.language import marks, tags
from outbox.render.templates import Templates
from tests.unit.render.conftest import Write

WHOLE = """\
{% macro link(url) %}<a href="{{ url }}">{% endmacro %}
{% set who = "<b>" %}
{% block subject %}To {{ who }}{% endblock %}
{% block text %}Text {{ who }}{% endblock %}
{% block html %}{{ link("https://example.org/?a&b") }}{{ who }}{% endblock %}
"""


def test_one_file_holds_all_parts_and_only_html_is_escaped(write: Write) -> None:
    rendered = Templates(write({"hello.mail": WHOLE})).render("hello", {})
    assert rendered == Rendered("To <b>", "Text <b>", '<a href="https://example.org/?a&amp;b">&lt;b&gt;')


def test_a_file_of_all_parts_extends_another_and_may_leave_parts_out(write: Write) -> None:
    layout = (
        "{% block subject %}S{% endblock %}{% block text %}[{% block body %}{% endblock %}]{% endblock %}"
    )
    own = '{% extends "layout.mail" %}{% block body %}Hi{% endblock %}'
    rendered = Templates(write({"layout.mail": layout, "own.mail": own})).render("own", {})
    assert rendered == Rendered("S", "[Hi]", None)


@pytest.mark.parametrize(
    ("content", "missing"),
    [
        ("{% block text %}{% endblock %}", "no block subject"),
        ("{% block subject %}s{% endblock %}", "no block text"),
    ],
)
def test_a_file_of_all_parts_without_a_block_says_which(write: Write, content: str, missing: str) -> None:
    with pytest.raises(TemplateError, match=rf"a\.mail: has {missing}"):
        Templates(write({"a.mail": content})).render("a", {})


def test_a_file_of_all_parts_stands_alone(write: Write) -> None:
    with pytest.raises(TemplateError, match=r"a\.mail stands beside a\.txt"):
        Templates(write({"a.mail": WHOLE, "a.txt": "t"})).render("a", {})


ALERT = {"product": "P", "level": "critical", "title": "T", "message": "M", "at": "now"} | {
    "url": "https://example.org/"
}


def test_a_file_of_all_parts_takes_from_its_language_what_it_does_not_change(write: Write) -> None:
    french = "{% block subject %}Bonjour{% endblock %}{% block text %}texte{% endblock %}"
    own = "{% extends 'a.fr.mail' %}{% block text %}{{ super() }} canadien{% endblock %}"
    rendered = Templates(write({"a.fr.mail": french, "a.fr-CA.mail": own})).render("a", {}, "fr-CA")
    assert rendered == Rendered("Bonjour", "texte canadien", None)


LANGUAGES = {
    "a.subject": "Hello",
    "a.txt": "text",
    "a.fr.subject": "Bonjour",
    "a.fr.txt": "texte",
    "a.fr-CA.txt": "texte canadien",
}


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        (None, ("Hello", "text")),
        ("de", ("Hello", "text")),
        ("fr", ("Bonjour", "texte")),
        ("fr-BE", ("Bonjour", "texte")),
        ("fr_ca", ("Bonjour", "texte canadien")),
    ],
)
def test_each_part_is_of_the_nearest_language(
    write: Write, locale: str | None, expected: tuple[str, str]
) -> None:
    rendered = Templates(write(LANGUAGES)).render("a", {}, locale)
    assert (rendered.subject, rendered.text) == expected


@pytest.mark.parametrize(
    ("locale", "problem"), [("it", "for it in"), (None, "for a mail without locale= in")]
)
def test_a_language_that_the_applications_mail_lacks_does_not_bring_ours(
    write: Write, locale: str | None, problem: str
) -> None:
    french = {"welcome.fr.subject": "Bonjour", "welcome.fr.txt": "texte"}
    templates = Templates(write(french | {"welcome.de-AT.mail": WHOLE, "welcome.old.txt.orig": ""}))
    expected = rf"'welcome': has no file {problem} '.*templates', only for de-AT, fr\. Write welcome\.subject"
    with pytest.raises(TemplateError, match=expected):
        templates.render("welcome", {}, locale)
    assert templates.render("welcome", {}, "fr-CA").subject == "Bonjour"
    # What only begins like the name of a mail is none of its languages.
    assert Templates(write({"alert.example.txt": ""})).render("alert", ALERT).subject == "Critical: T"


@pytest.mark.parametrize("locale", ["", "french", "fr-", "../fr", 7])
def test_what_is_no_language_is_refused(write: Write, locale: str) -> None:
    with pytest.raises(TemplateError, match=r"^locale: .* is no language tag"):
        Templates(write(LANGUAGES)).render("a", {}, locale)


@pytest.mark.parametrize(
    ("locale", "context", "expected"),
    [
        (None, {}, "en ltr"),
        ("fr_ca", {}, "fr-CA ltr"),
        ("he-IL", {}, "he-IL rtl"),
        ("ks-Deva", {}, "ks-Deva ltr"),
        ("uz-Arab-AF", {}, "uz-Arab-AF rtl"),
        ("he", {"lang": "en", "dir": "ltr"}, "en ltr"),
    ],
)
def test_a_template_knows_the_language_of_the_mail(
    write: Write, locale: str | None, context: dict[str, str], expected: str
) -> None:
    folder = write({"a.subject": "{{ lang | default('en') }} {{ dir | default('ltr') }}", "a.txt": ""})
    assert Templates(folder).render("a", context, locale).subject == expected


def test_our_mails_say_which_language_they_speak() -> None:
    page = (
        Templates().render("welcome", {"product": "P", "name": "N", "url": "https://e.example/"}, "ar").html
    )
    assert (page or "").count('lang="ar" dir="rtl"') == 2


def test_the_direction_of_each_language_is_that_of_cldr() -> None:
    right_to_left = set()
    for known in locale_identifiers():
        with suppress(TemplateError):  # "en_US_POSIX"
            if marks(tags(known))["dir"] == "rtl":
                right_to_left.add(known)
    assert right_to_left == {
        known for known in locale_identifiers() if Locale.parse(known).text_direction == "rtl"
    }


def test_a_language_is_no_mail_of_its_own(write: Write) -> None:
    assert [name for name in Templates(write(LANGUAGES)).names() if name.startswith("a")] == ["a", "alert"]


def test_catalogues_translate_and_filters_write_as_the_language_does(write: Write, tmp_path: Path) -> None:
    catalogue = Catalog(locale="fr")
    catalogue.add("Hello %(name)s", "Bonjour %(name)s")
    catalogue.add(("one mail", "%(n)d mails"), ("un courriel", "%(n)d de courriels", "%(n)d courriels"))
    file = tmp_path / "po" / "fr" / "LC_MESSAGES" / "messages.mo"
    file.parent.mkdir(parents=True)
    with file.open("wb") as opened:
        write_mo(opened, catalogue)
    folder = write(
        {
            "a.subject": "{% trans %}Hello {{ name }}{% endtrans %}",
            "a.txt": "{% trans n=n %}one mail{% pluralize %}{{ n }} mails{% endtrans %};"
            "{{ 1234.5 | number }};{{ price | currency('EUR') }};{{ 0.25 | percent }};{{ at | date }};"
            "{{ at | datetime('short', timezone='Europe/Paris') }};{{ 1.5 | number(locale='en') }}",
        }
    )
    templates = Templates(folder, translations=tmp_path / "po")
    context = {"name": "Ada", "n": 2, "price": Decimal("9.8"), "at": datetime(2026, 5, 1, 12, tzinfo=UTC)}
    french = templates.render("a", context, "fr-FR")
    assert french.subject == "Bonjour Ada"
    assert (french.text or "").replace("\u202f", " ").replace("\xa0", " ") == (
        "2 courriels;1 234,5;9,80 €;25 %;1 mai 2026;01/05/2026 14:00;1.5"
    )
    assert templates.render("a", context | {"n": 1}, "en").subject == "Hello Ada"


def test_a_filter_that_does_not_know_the_language_says_what_to_give(write: Write) -> None:
    folder = write({"a.subject": "{{ 1 | number }}", "a.txt": "t"})
    with pytest.raises(TemplateError, match=r"a\.subject:1: the filter 'number' must know .*locale="):
        Templates(folder).render("a", {})


@pytest.mark.parametrize("filter_", ["date", "time", "datetime"])
@pytest.mark.parametrize("value", [None, 0, "2026-05-01"])
def test_what_is_no_instant_is_never_written_as_one(write: Write, filter_: str, value: object) -> None:
    folder = write({"a.subject": f"{{{{ at | {filter_} }}}}", "a.txt": "t"})
    with pytest.raises(TemplateError, match=rf"a\.subject:1: the filter '{filter_}' takes a .*, and got "):
        Templates(folder).render("a", {"at": value}, "en")
    with pytest.raises(TemplateError, match="'at' is undefined"):
        Templates(folder).render("a", {}, "en")


@pytest.mark.parametrize("filter_", ["number", "currency('EUR')", "percent"])
def test_what_is_no_number_is_told_by_its_value(write: Write, filter_: str) -> None:
    folder = write({"a.subject": f"{{{{ n | {filter_} }}}}", "a.txt": "t"})
    with pytest.raises(TemplateError, match=r"a\.subject:1: the filter '\w+' takes a number, and got None\."):
        Templates(folder).render("a", {"n": None}, "en")
    with pytest.raises(TemplateError, match="'n' is undefined"):
        Templates(folder).render("a", {}, "en")
    assert "9" in Templates(folder).render("a", {"n": "9"}, "en").subject


def test_a_broken_catalogue_is_told_by_its_file(write: Write, tmp_path: Path) -> None:
    file = tmp_path / "po" / "fr" / "LC_MESSAGES" / "messages.mo"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"broken")
    with pytest.raises(TemplateError, match=r"^translations: .*messages\.mo.* pybabel compile"):
        Templates(write(LANGUAGES), translations=tmp_path / "po").render("a", {}, "fr")


def test_a_package_has_templates_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "shop_of_a_test"
    for folder in ("templates", "mails"):
        (package / folder).mkdir(parents=True)
        (package / folder / "a.subject").write_text(folder)
        (package / folder / "a.txt").write_text("t")
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert Templates("package=shop_of_a_test").render("a", {}).subject == "templates"
    assert Templates("package=shop_of_a_test/mails").render("a", {}).subject == "mails"
    for place, problem in (
        ("package=nobody_has_this", "no package"),
        ("package=shop_of_a_test/x", "no folder"),
    ):
        with pytest.raises(TemplateError, match=rf"^templates: .*{problem}"):
            Templates(place)


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


@pytest.mark.parametrize(
    "expression",
    ["''.__class__.__mro__", "name.__init__.__globals__", "items.append(1)", "name.format.__globals__"],
)
def test_a_sandboxed_template_reaches_no_more_than_its_variables(write: Write, expression: str) -> None:
    folder = write({"a.subject": f"{{{{ {expression} }}}}", "a.txt": "t"})
    with pytest.raises(TemplateError, match=r"a\.subject:1: SecurityError"):
        Templates(folder, sandboxed=True).render("a", {"name": "Ada", "items": []})


@pytest.mark.parametrize(
    ("module", "files", "extra"),
    [
        ("css_inline", {"a.html": "<style>p { color: red }</style>"}, "html"),
        ("inscriptis", {"a.html": "<p>"}, "html"),
        ("babel", {"a.txt": "{{ 1 | number(locale='en') }}"}, "babel"),
    ],
)
def test_what_needs_an_extra_names_it(write: Write, module: str, files: dict[str, str], extra: str) -> None:
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from outbox.render.templates import Templates\n"
        "Templates(sys.argv[1]).render('a', {})"
    )
    folder = write({"a.subject": "s", **files})
    ended = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=False)
    assert f"pip install 'email-outbox[{extra}]'" in ended.stderr.splitlines()[-1]
