"""Each rule of the linter finds what breaks it, and nothing in a mail that breaks none."""

import struct
from pathlib import Path

import pytest

import outbox
from outbox.render.lint import CLIP, Rule, lint
from outbox.render.templates import Templates
from tests.unit.render.conftest import Write

SOUND = {
    "a.subject": "Subject",
    "a.txt": "Text",
    "a.html": '<p>Text<img src="https://e.org/a.png" alt=""></p>',
}


def _rules(folder: Path, **options: object) -> list[tuple[str, Rule]]:
    return [(each.mail, each.rule) for each in lint(Templates(folder), **options)]  # type: ignore[arg-type] # as given


def test_nothing_is_found_in_a_mail_that_is_sound(write: Write) -> None:
    assert lint(Templates(write(SOUND))) == []


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"a.txt": "{{ name }}"}, Rule.MISSING_VARIABLE),
        ({"a.html": "{% if false %}{{ name }}{% endif %}"}, Rule.MISSING_VARIABLE),
        ({"a.html": '<a href="/login">x</a>'}, Rule.RELATIVE_LINK),
        ({"a.html": '<img src="https://example.org/a.png">'}, Rule.NO_ALT),
        ({"a.html": '<p style="margn: 0">x</p>'}, Rule.UNKNOWN_PROPERTY),
        ({"a.html": "x" * (CLIP + 1)}, Rule.CLIPPED),
        ({"a.html": "<style>p {</style>"}, Rule.BROKEN),
        ({"a.html": "{% if %}"}, Rule.BROKEN),
        ({"a.txt": "{{ 1 / 0 }}"}, Rule.BROKEN),
        ({"a.subject": "one\ntwo"}, Rule.BROKEN),
        ({"a.subject": "one\ttwo"}, Rule.BROKEN),
        ({"a.example.json": "{"}, Rule.BROKEN),
        ({"a.example.json": "[]"}, Rule.BROKEN),
        ({"a.example.json": "[" * 100_000}, Rule.BROKEN),
        ({"a.txt": "{{ n }}", "a.example.json": r'{"n": "\ud800"}'}, Rule.BROKEN),
        ({"a.html": f"{{{{ {'(' * 1000}1{')' * 1000} }}}}"}, Rule.BROKEN),
        ({"a.html": '<![foo]><![if !mso]><img src="https://example.org/a.png"><![endif]>'}, Rule.NO_ALT),
        (
            {"a.html": "<!--[if !mso]><!--><IMG title='no alt' src=https://e.org/a><!--<![endif]-->"},
            Rule.NO_ALT,
        ),
        ({"a.html": '<!--[if mso]><img src="https://example.org/a.png"/><![endif]-->'}, Rule.NO_ALT),
    ],
)
def test_a_rule_that_is_broken_is_found_once(write: Write, changed: dict[str, str], rule: Rule) -> None:
    assert _rules(write(SOUND | changed)) == [("a", rule)]


@pytest.mark.parametrize("name", ["typo", "", "*", "a[", "**", "../a", "/etc/passwd", "a\0"])
def test_a_mail_that_is_not_there_is_told_in_each_language_that_is_asked_for(write: Write, name: str) -> None:
    templates = Templates(write(SOUND))
    for locales in ([], ["fr", None]):
        found = [(each.locale, each.rule) for each in lint(templates, [name], locales=locales)]
        assert found == [(locale, Rule.BROKEN) for locale in locales or [None]]


@pytest.mark.parametrize("img", ["<img alt>", "<img\nALT=x />", "<img/alt=''>", "<!-- <img> -->", "<imgs>"])
def test_a_picture_that_says_something_is_sound(write: Write, img: str) -> None:
    assert lint(Templates(write(SOUND | {"a.html": img}))) == []


def test_html_of_the_very_size_is_shown_whole(write: Write) -> None:
    assert lint(Templates(write(SOUND | {"a.html": "x" * CLIP}))) == []


def test_a_mail_without_text_is_found_in_both_ways_of_writing_it(write: Write) -> None:
    folder = write(
        {
            "a.subject": "A",
            "a.html": "<p>A</p>",
            "b.mail": "{% block subject %}B{% endblock %}{% block html %}<p>B</p>{% endblock %}",
        }
    )
    assert [str(each).removeprefix(f"{folder}/") for each in lint(Templates(folder))] == [
        f"{file}: has no text beside it, so that one is made from the HTML. Write {wanted}. [no-text]"
        for file, wanted in (("a.html", "a.txt"), ("b.mail", "the block text"))
    ]


def test_all_links_and_all_variables_are_found_at_once(write: Write) -> None:
    folder = write(SOUND | {"a.html": '<a href="/1"></a><a href="/2"></a>'})
    assert _rules(folder) == [("a", Rule.RELATIVE_LINK)] * 2
    write({"a.html": "{{ one }}{{ two }}", "a.txt": "{{ one }}"})
    assert [each.problem for each in lint(Templates(folder))] == [
        f"{folder}/{where}: reads {name!r}, which is not in an example, as there is none: write "
        f"{folder}/a.example.json. Add it there, or write a default: {{{{ {name} | default('') }}}}."
        for where, name in (("a.txt:1", "one"), ("a.html:1", "two"))
    ]


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        ({}, ["a.txt", "a.html"]),
        ({"a.txt": "https://e.org/Unsubscribe?x=1"}, ["a.html"]),
        ({"a.txt": "mailto:unsubscribe@e.org", "a.html": '<a href="mailto:unsubscribe@e.org">x</a>'}, []),
        (
            {
                "a.txt": "{{ unsubscribe_url }}",
                "a.html": '<a href="{{ unsubscribe_url }}">x</a>',
                "a.example.json": '{"unsubscribe_url": "https://e.org/off?a&b"}',
            },
            [],
        ),
        (
            {"a.txt": "Write us to unsubscribe", "a.example.json": '{"unsubscribe_url": ""}'},
            ["a.txt", "a.html"],
        ),
    ],
)
def test_bulk_mail_must_let_its_reader_unsubscribe(
    write: Write, changed: dict[str, str], parts: list[str]
) -> None:
    folder = write(SOUND | changed)
    assert lint(Templates(folder), bulk=["b*"]) == []
    found = lint(Templates(folder), bulk=["b*", "a"])
    assert [(each.rule, each.problem.split(":")[0]) for each in found] == [
        (Rule.NO_UNSUBSCRIBE, f"{folder}/{part}") for part in parts
    ]


def test_the_example_of_a_language_goes_before_the_example_of_all(write: Write) -> None:
    folder = write(
        {
            "a.subject": "{{ name }}",
            "a.txt": "x",
            "a.example.json": '{"name": "Ada"}',
            "a.fr.subject": "{{ nom }}",
            "a.fr.txt": "x",
            "a.fr.example.toml": 'nom = "Ada"',
            "a.de.subject": "{{ anrede }}",
            "a.de.txt": "x",
        }
    )
    assert [(each.locale, each.rule) for each in lint(Templates(folder))] == [("de", Rule.MISSING_VARIABLE)]
    assert lint(Templates(folder), ["a"], locales=["fr", None]) == []


def test_the_language_of_the_mail_is_no_missing_variable(write: Write) -> None:
    templates = Templates(write({"a.fr.subject": "{{ lang }}", "a.fr.txt": "{{ dir }}"}))
    assert lint(templates) == []


def test_an_example_may_begin_with_the_mark_of_utf_8(write: Write) -> None:
    files = {"a.txt": "{{ x }}", "a.example.json": '\ufeff{"x": 1}'}
    assert lint(Templates(write(SOUND | files))) == []


def test_an_example_in_toml_has_dates(write: Write) -> None:
    files = {"a.txt": "{{ at | date('short', locale='en') }}", "a.example.toml": "at = 2026-05-01T12:00:00Z"}
    assert lint(Templates(write(SOUND | files))) == []


@pytest.mark.parametrize("tag", ["fr_CA", "fr-ca", "FR-CA", "zh_Hant"])
def test_a_file_that_no_language_asks_for_is_found(write: Write, tag: str) -> None:
    folder = write(
        SOUND | {f"a.{tag}.subject": "x", f"a.{tag}.txt": "x", "old.V2.subject": "x", "old.V2.txt": "x"}
    )
    assert _rules(folder) == [(f"a.{tag}", Rule.MISNAMED)]


def test_what_is_broken_is_told_with_its_file(write: Write) -> None:
    folder = write(SOUND | {"a.html": "{% extends 'b.html' %}", "b.html": "\n{{ 1 | nonsense }}"})
    assert [each.problem.partition(" ")[0] for each in lint(Templates(folder))] == [f"{folder}/b.html:2:"]
    (folder / "a.txt").write_bytes(b"\xff")
    assert [each.problem.partition(" ")[0] for each in lint(Templates(folder))] == [f"{folder}/a.txt:"]


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("en_US.UTF-8", "Rename it to en_US"),
        ("pt-BR", "Rename it to pt_BR"),
        ("zh_hans", "Rename it to zh_Hans"),
        ("sr@latin", "Name it by its language"),
        ("french", "Name it by its language"),
    ],
)
def test_a_catalogue_that_no_mail_looks_for_is_found_once(
    write: Write, tmp_path: Path, name: str, remedy: str
) -> None:
    folder = write(SOUND | {"b.mail": "{% block subject %}B{% endblock %}{% block text %}B{% endblock %}"})
    for each in (name, "de_AT"):
        file = tmp_path / each / "LC_MESSAGES" / "messages.mo"
        file.parent.mkdir(parents=True)
        file.write_bytes(struct.pack("<7I", 0x950412DE, 0, 0, 28, 28, 0, 28))
    templates = Templates(folder, translations=tmp_path)
    assert templates.languages("a") == (None, "de-AT")
    found = lint(templates)
    assert [(each.mail, each.rule) for each in found] == [("", Rule.MISNAMED)]
    assert found[0].problem.startswith(f"{tmp_path / name}: no mail looks for a catalogue there. {remedy}")
    assert lint(templates, locales=["de-AT"]) == []


def test_layouts_are_no_mails_and_neither_are_ours_where_there_are_others(write: Write) -> None:
    folder = write(SOUND | {"_layout.mail": "{% block text %}{{ x }}{% endblock %}", "news/b.subject": "B"})
    assert Templates(folder).own_names() == ("a", "news/b")
    assert _rules(folder) == [("news/b", Rule.BROKEN)]


def test_ours_are_sound() -> None:
    assert lint(Templates(), bulk=["digest"]) == []


def test_an_application_asks_for_all_of_it_in_one_line(write: Write) -> None:
    shop = outbox.Outbox(templates=write(SOUND | {"a.html": "{{ who }}"}))
    assert [(each.mail, each.locale, each.rule) for each in shop.lint()] == [("a", None, "missing-variable")]
    assert shop.lint("a", context={"who": "Ada"}) == []
    assert [each.rule for each in shop.lint("unknown", locales=["?"])] == ["broken"]
