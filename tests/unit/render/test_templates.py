"""A template gives a whole mail, or an error that names the file, the line and the remedy."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from outbox.errors import TemplateError
from outbox.render.finish import Rendered
from outbox.render.templates import Templates

Write = Callable[..., Templates]

COMMON: dict[str, object] = {"product": "Fish & Chips", "name": "Ada", "url": "https://example.org/?a=1&b=2"}
RECEIPT: dict[str, object] = COMMON | {
    "order": "4711",
    "date": "1 May 2026",
    "items": [{"name": "Tea <green>", "quantity": 2, "price": "9.80"}],
    "total": "9.80",
}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes templates, by file name, and opens their directory."""

    def written(folder: str = "app", /, **files: str) -> Templates:
        directory = tmp_path / folder
        for name, content in files.items():
            file = directory / name.replace("__", "/").replace("_", ".")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
        return Templates([directory])

    return written


def test_a_name_gives_subject_text_and_html(write: Write) -> None:
    templates = write(a_subject="Hi {{ who }}\n", a_txt="Dear {{ who }}", a_html="<p>{{ who }}</p>")
    assert Rendered("Hi Zoë", "Dear Zoë", "<p>Zoë</p>") == templates.render("a", {"who": "Zoë"})


def test_a_name_may_have_a_folder(write: Write) -> None:
    templates = write(shop__a_subject="s", shop__a_txt="t")
    assert Rendered("s", "t", None) == templates.render("shop/a", {})


def test_one_body_is_enough_and_a_text_is_made_of_the_html(write: Write) -> None:
    templates = write(a_subject="s", a_txt="t", b_subject="s", b_html="h")
    assert [Rendered("s", "t", None), Rendered("s", "h\n", "h")] == [
        templates.render(name, {}) for name in "ab"
    ]


def test_only_html_is_escaped(write: Write) -> None:
    templates = write(a_subject="{{ x }}", a_txt="{{ x }}", a_html="{{ x }}")
    assert Rendered("<&>", "<&>", "&lt;&amp;&gt;") == templates.render("a", {"x": "<&>"})


def test_an_empty_body_is_a_body(write: Write) -> None:
    assert write(a_subject="", a_txt="").render("a", {}) == Rendered("", "", None)


def test_the_applications_template_hides_ours_and_extends_it(write: Write) -> None:
    templates = write(
        welcome_subject="Own", welcome_html='{% extends "base.html" %}{% block content %}OWN{% endblock %}'
    )
    rendered = templates.render("welcome", COMMON)
    assert rendered.subject == "Own"
    assert rendered.html is not None
    assert "OWN" in rendered.html
    assert "<!DOCTYPE html>" in rendered.html
    # Our text does not go out beside the application's HTML: it would say something else.
    assert rendered.text is not None
    assert "OWN" in rendered.text
    assert "Hello" not in rendered.text


def test_all_parts_of_a_mail_come_from_the_first_directory_that_has_one(write: Write, tmp_path: Path) -> None:
    write("first", a_subject="first", a_txt="first")
    write("second", a_subject="second", a_txt="second", a_html="second", b_subject="b", b_txt="second")
    templates = Templates([tmp_path / "first", str(tmp_path / "second")])
    assert [Rendered("first", "first", None), Rendered("b", "second", None)] == [
        templates.render(name, {}) for name in "ab"
    ]


def test_a_changed_template_is_read_again(write: Write, tmp_path: Path) -> None:
    templates = write(a_subject="old", a_txt="")
    assert templates.render("a", {}).subject == "old"
    file = tmp_path / "app" / "a.subject"
    file.write_text("new")
    os.utime(file, (1, 1))
    assert templates.render("a", {}).subject == "new"


@pytest.mark.parametrize(
    ("files", "context", "expected"),
    [
        (
            {"a_txt": "one\n{{ missing }}"},
            {},
            r"a\.txt:2: 'missing' is undefined\. .*\{\{ missing \| default",
        ),
        (
            {"a_html": "{{ x.y }}"},
            {"x": {}},
            r"a\.html:1: .*no attribute 'y'.* Add it.*\{\{ x\.y \| default",
        ),
        ({"a_html": "{{ x['y'] }}"}, {"x": {}}, r"a\.html:1: .*'y'.*\{\{ NAME\.y \| default"),
        ({"a_txt": "{{ x.y.z }}"}, {"x": {}}, r"a\.txt:1: .*'y'.*\{\{ x\.y \| default"),
        ({"a_txt": "{% if missing %}{% endif %}"}, {}, r"a\.txt:1: 'missing' is undefined"),
        ({"a_txt": "{% for i in missing %}{% endfor %}"}, {}, r"a\.txt:1: 'missing' is undefined"),
        ({"a_txt": "\n\n{% if %}"}, {}, r"a\.txt:3: .*Correct the template"),
        ({"a_txt": "{{ 1 | nonsense }}"}, {}, r"a\.txt:1: No filter named 'nonsense'"),
        ({"a_txt": "\n{{ 1 / 0 }}"}, {}, r"a\.txt:2: ZeroDivisionError: division by zero"),
        ({"a_txt": "\n{% include 'gone.txt' %}"}, {}, r"a\.txt:2: 'gone\.txt' not found in '"),
        ({"a_txt": "{% extends 'gone.txt' %}"}, {}, r"a\.txt:1: 'gone\.txt' not found in '"),
        ({"a_txt": "\n{% include 'b.txt' %}", "b_txt": "\n\n{{ x }}"}, {}, r"b\.txt:3: 'x' is undefined"),
        ({"a_txt": "{% include 'b.txt' %}", "b_txt": "\n{% if %}"}, {}, r"b\.txt:2: "),
    ],
)
def test_a_fault_is_told_with_file_line_and_remedy(
    write: Write, files: dict[str, str], context: dict[str, object], expected: str
) -> None:
    with pytest.raises(TemplateError, match=expected):
        write(a_subject="s", **files).render("a", context)


def test_an_error_of_the_applications_own_code_is_told_with_its_line(write: Write) -> None:
    def price() -> str:
        raise LookupError("no such currency")

    with pytest.raises(TemplateError, match=r"a\.txt:2: LookupError: no such currency\.") as caught:
        write(a_subject="s", a_txt="\n{{ price() }}").render("a", {"price": price})
    assert isinstance(caught.value.__cause__, LookupError)


def test_a_file_that_is_not_utf_8_is_named(write: Write, tmp_path: Path) -> None:
    templates = write(a_subject="s")
    (tmp_path / "app" / "a.txt").write_bytes(b"\xff")
    with pytest.raises(TemplateError, match=rf"{tmp_path}/app/a\.txt: is not UTF-8"):
        templates.render("a", {})


@pytest.mark.parametrize("context", [["name"], "name", {1: "Ada"}])
def test_a_context_without_names_is_told_as_such(write: Write, context: Any) -> None:
    with pytest.raises(TemplateError, match=r"^context: .* Give a dict"):
        write(a_subject="s", a_txt="").render("a", context)


def test_an_unknown_name_lists_the_directories_and_near_names(write: Write, tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"Did you mean 'welcome'\?") as caught:
        write(a_subject="").render("welcom", COMMON)
    assert str(tmp_path / "app") in str(caught.value)


def test_a_name_like_no_other_has_no_near_one(write: Write) -> None:
    with pytest.raises(TemplateError, match="Check the name"):
        write(a_subject="").render("zzzzzzzz", {})


@pytest.mark.parametrize(
    ("files", "missing"), [({"a_txt": "t"}, r"a\.subject"), ({"a_subject": "s"}, r"a\.txt or a\.html")]
)
def test_half_a_mail_is_refused_with_what_to_create(
    write: Write, files: dict[str, str], missing: str
) -> None:
    with pytest.raises(TemplateError, match=rf"has no {missing}\. Create it in "):
        write(**files).render("a", {})


@pytest.mark.parametrize(
    "name", ["", "../a", "a/../../b", "/etc/passwd", "a\\b", "a\x00", ".a", "a//b", "a/", None, 7]
)
def test_a_name_that_could_leave_the_directories_is_refused(write: Write, name: Any) -> None:
    with pytest.raises(TemplateError, match="is not a template name"):
        write(a_subject="").render(name, {})


@pytest.mark.parametrize("value", ["a\nBcc: b", "a\r\nb", "a\x0bb", "a\u2028b"])
def test_a_subject_of_two_lines_is_refused_at_its_template(write: Write, value: str) -> None:
    with pytest.raises(TemplateError, match=r"a\.subject: the subject has a line break"):
        write(a_subject="{{ x }}", a_txt="").render("a", {"x": value})


def test_a_directory_that_is_missing_is_an_error_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="is no directory"):
        Templates([tmp_path / "gone"])


def test_one_directory_may_be_given_alone(write: Write, tmp_path: Path) -> None:
    write(a_subject="s", a_txt="")
    assert Templates(tmp_path / "app").render("a", {}).subject == "s"


def test_the_names_are_ours_and_the_applications(write: Write) -> None:
    templates = write(a_subject="", shop__b_subject="")
    names = templates.names()
    assert sorted(names) == list(names)
    assert {"a", "shop/b", "welcome", "receipt"} < set(names)
    # Neither a layout nor an example is a mail.
    assert not {"base", "parts", "welcome.example"} & set(names)


@pytest.mark.parametrize(
    ("name", "context", "subject"),
    [
        ("welcome", COMMON, "Welcome to Fish & Chips"),
        ("password_reset", COMMON | {"minutes": 30}, "Reset your Fish & Chips password"),
        ("receipt", RECEIPT, "Your receipt from Fish & Chips, order 4711"),
    ],
)
def test_our_examples_need_only_the_variables_that_they_document(
    name: str, context: dict[str, object], subject: str
) -> None:
    rendered = Templates().render(name, context)
    assert rendered.subject == subject
    assert rendered.text is not None
    assert "Hello Ada,\n" in rendered.text
    assert rendered.html is not None
    assert "Fish &amp; Chips" in rendered.html
    assert "Fish & Chips" not in rendered.html
    # The documentation at the head of each file stays out of the mail.
    assert "optional" not in rendered.text + rendered.html


@pytest.mark.parametrize("name", ["welcome", "password_reset", "receipt"])
def test_our_examples_show_every_optional_variable_in_both_bodies(name: str) -> None:
    optional: dict[str, str] = {
        "product_url": "https://example.org/home",
        "support_email": "help@example.org",
        "postal_address": "1 Main Street",
        "requested_from": "Firefox on Linux",
        "tax": "1.57",
    }
    rendered = Templates().render(name, RECEIPT | {"minutes": 30} | optional)
    assert rendered.text is not None
    assert rendered.html is not None
    of_all = {"support_email", "postal_address"}
    shown = of_all | (
        {"requested_from"} if name == "password_reset" else {"tax"} if name == "receipt" else set()
    )
    for variable in shown:
        assert optional[variable] in rendered.text
        assert optional[variable] in rendered.html
    assert optional["product_url"] in rendered.html


def test_our_examples_fetch_nothing_from_the_network_and_fit_lines_of_998() -> None:
    rendered = Templates().render("receipt", RECEIPT)
    assert rendered.html is not None
    assert not [word for word in ("<img", "<link", "@import", "url(", "<script") if word in rendered.html]
    assert max(map(len, rendered.html.splitlines())) <= 998
