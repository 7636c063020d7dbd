"""What templates bring together: layouts, blocks, includes and macros, each as a piece of its part."""

from collections.abc import Callable
from pathlib import Path

import pytest

from outbox.errors import TemplateError
from outbox.render.finish import Rendered
from outbox.render.templates import Templates

Render = Callable[..., Rendered]

SUBJECT = "{% block subject %}s{% endblock %}"
HOSTILE = {"x": "<script>"}


@pytest.fixture
def render(tmp_path: Path) -> Render:
    """Return a function that writes the files of the mail `a` and renders it."""

    def rendered(
        files: dict[str, str], context: dict[str, object] | None = None, **options: object
    ) -> Rendered:
        for name, content in files.items():
            (tmp_path / name).write_text(content, encoding="utf-8")
        return Templates(tmp_path, **options).render("a", context or {})  # type: ignore[arg-type]

    return rendered


@pytest.mark.parametrize(
    "html",
    [
        "{% include 'i.txt' %}",
        "{% include ['gone.txt', 'i.txt'] %}",
        "{% include 'i.svg' %}",
        "{% include 'i.mail' %}",
        "{% include 'i.mail#text' %}",
        "{% from 'm.txt' import m %}{{ m(x) }}",
        "{% import 'm.txt' as m %}{{ m.m(x) }}",
        "{% extends 'i.txt' %}",
    ],
)
def test_whatever_goes_into_html_is_escaped_wherever_it_is_written(render: Render, html: str) -> None:
    whole = "{% block html %}{{ x }}{% endblock %}{% block text %}{{ x }}{% endblock %}"
    pieces = {"i.txt": "{{ x }}", "i.svg": "{{ x }}", "i.mail": whole}
    pieces["m.txt"] = "{% macro m(x) %}{{ x }}{% endmacro %}"
    assert render({"a.subject": "s", "a.html": html, **pieces}, HOSTILE).html == "&lt;script&gt;"


def test_nothing_that_goes_into_a_text_is_escaped(render: Render) -> None:
    files = {"a.subject": "s", "a.txt": "{% include 'i.html' %}", "i.html": "{{ x }}"}
    assert render(files, HOSTILE).text == "<script>"


def test_a_missing_piece_is_told_by_its_name(render: Render) -> None:
    with pytest.raises(TemplateError, match=r"a\.html:1: 'gone\.txt' not found"):
        render({"a.subject": "s", "a.html": "{% include 'gone.txt' %}"})


def test_a_block_extends_a_layout_of_its_own_beside_that_of_the_file(render: Render) -> None:
    files = {
        "layout.mail": "{% block subject %}S{% endblock %}{% block text %}T{% endblock %}",
        "layout.html": "<h1>{% block content %}{% endblock %}</h1>",
        "a.mail": "{% extends 'layout.mail' %}{% block html %}{% extends 'layout.html' %}"
        "{% block content %}{{ x }}{% endblock %}{% endblock %}",
    }
    assert render(files, HOSTILE) == Rendered("S", "T", "<h1>&lt;script&gt;</h1>")


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ("{% block html %}<p>{{ x }}{{ v }}</p>{% endblock %}", "<p>&lt;script&gt;3</p>"),
        ("{% block content %}own{% endblock %}", "<h1>own</h1>"),
        ("{% block text %}t{% endblock %}", "<h1>theirs</h1>"),
    ],
)
def test_who_writes_a_block_anew_leaves_the_layout_that_it_extended(
    render: Render, own: str, expected: str
) -> None:
    files = {
        "layout.html": "<h1>{% block content %}{% endblock %}</h1>",
        "theirs.mail": SUBJECT + "{% set v = 3 %}{% block text %}T{% endblock %}{% block html %}"
        "{% extends 'layout.html' %}{% block content %}theirs{% endblock %}{% endblock %}",
        "a.mail": "{% extends 'theirs.mail' %}" + own,
    }
    assert render(files, HOSTILE).html == expected


def test_a_block_that_extends_a_layout_is_nothing_to_ask_for_by_super(render: Render) -> None:
    files = {
        "layout.html": "<h1>{% block content %}{% endblock %}</h1>",
        "theirs.mail": SUBJECT + "{% block text %}T{% endblock %}{% block html %}"
        "{% extends 'layout.html' %}{% block content %}theirs{% endblock %}{% endblock %}",
        "a.mail": "{% extends 'theirs.mail' %}{% block html %}{{ super() }}{% endblock %}",
    }
    with pytest.raises(
        TemplateError, match=r"a\.mail: what it includes, or asks for by super\(\), has no block"
    ):
        render(files)


@pytest.mark.parametrize(
    ("around", "tag"),
    [("{% if x %}BLOCK{% endif %}", "if"), ("{% for i in x %}{% if i %}{% endif %}BLOCK{% endfor %}", "for")],
)
def test_a_tag_around_a_block_which_would_mean_nothing_is_an_error(
    render: Render, around: str, tag: str
) -> None:
    block = "{% block text %}{% if x %}t{% endif %}{% endblock %}"
    source = f"{SUBJECT}\n{around.replace('BLOCK', block)}"
    with pytest.raises(TemplateError, match=rf"a\.mail:2: the block text .* inside of {{% {tag} %}}"):
        render({"a.mail": source}, HOSTILE)


@pytest.mark.parametrize("html", ["{% include 'b.mail' %}", "{{ super() }}"])
def test_what_is_asked_for_and_is_nowhere_leaves_no_hole(render: Render, html: str) -> None:
    files = {"a.mail": SUBJECT + f"{{% block html %}}<p>{html}</p>{{% endblock %}}", "b.mail": SUBJECT}
    with pytest.raises(TemplateError, match=r"a\.mail: what it includes, .*, has no block for this part"):
        render(files)


def test_the_mark_at_the_head_of_a_file_of_windows_is_no_text(render: Render) -> None:
    assert render({"a.subject": "\ufeffs", "a.txt": "\ufefft"}) == Rendered("s", "t", None)


@pytest.mark.parametrize("sandboxed", [True, False])
def test_a_template_that_writes_without_end_is_stopped(render: Render, *, sandboxed: bool) -> None:
    endless = "{% for i in range(9999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}"
    with pytest.raises(TemplateError, match=r"a\.txt: it writes more than 1,000 characters, .*max_size"):
        render({"a.subject": "s", "a.txt": endless}, sandboxed=sandboxed, largest=1000)


def test_a_part_may_have_as_many_characters_as_are_allowed(render: Render) -> None:
    assert render({"a.subject": "s", "a.txt": "{{ 'x' * 1000 }}"}, largest=1000).text == "x" * 1000
