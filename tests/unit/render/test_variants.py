"""Files of all parts, packages, the sandbox and the extras, each through a whole mail."""

import subprocess
import sys
from pathlib import Path

import pytest

from outbox.errors import TemplateError
from outbox.render.finish import Rendered
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


def test_a_file_of_all_parts_takes_from_its_language_what_it_does_not_change(write: Write) -> None:
    french = "{% block subject %}Bonjour{% endblock %}{% block text %}texte{% endblock %}"
    own = "{% extends 'a.fr.mail' %}{% block text %}{{ super() }} canadien{% endblock %}"
    rendered = Templates(write({"a.fr.mail": french, "a.fr-CA.mail": own})).render("a", {}, "fr-CA")
    assert rendered == Rendered("Bonjour", "texte canadien", None)


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
