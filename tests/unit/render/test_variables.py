"""What a template cannot do without is known before it is rendered."""

import pytest

from outbox.errors import TemplateError
from outbox.render.templates import Templates
from tests.looks.documented import variables
from tests.looks.stage import NAMES
from tests.unit.render.conftest import Write


def _needed(write: Write, files: dict[str, str], template: str = "a.txt") -> list[str]:
    folder = write(files)
    read = Templates(folder).needed(template)
    return [f"{each.name} {each.where.removeprefix(f'{folder}/')}" for each in read]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Hi\n{{ name }} {{ name }}", ["name a.txt:2"]),
        ("{% if vip %}{{ gift.title }}{% endif %}", ["vip a.txt:1", "gift a.txt:1"]),
        ("{{ a | default('') }}{{ b | d(c) }}", ["c a.txt:1"]),
        ("{% if a is defined and a %}{{ a }}{% endif %}", []),
        ("{{ user.name | default('') }}", ["user a.txt:1"]),
        ("{% for item in items %}{{ loop.index }}{{ item }}{% endfor %}", ["items a.txt:1"]),
        ("{% for item in items %}{% endfor %}{{ item }}", ["items a.txt:1", "item a.txt:1"]),
        ("{% set x = y %}{% block b %}{{ x }}{% endblock %}", ["y a.txt:1"]),
        ("{% set x %}{{ z }}{% endset %}{% block b %}{{ x }}{% endblock %}", ["z a.txt:1"]),
        ("{% macro m(p) %}{{ p }}{{ q }}{% endmacro %}{{ m(1) }}", ["q a.txt:1"]),
        ("{% if v %}{% set x = 1 %}{% else %}{% set x = 2 %}{% endif %}{{ x }}", ["v a.txt:1"]),
        (
            "{% block b %}{% if 1 %}{% set x = 1 %}{% else %}{% set x = 2 %}{% endif %}{{ x }}{% endblock %}",
            [],
        ),
        ("{% if v %}{% set x = 1 %}{% endif %}{{ x }}", ["v a.txt:1", "x a.txt:1"]),
        (
            "{% if v %}{% set x = 1 %}{% elif w %}{% else %}{% set x = 2 %}{% endif %}{{ x }}",
            ["v a.txt:1", "w a.txt:1", "x a.txt:1"],
        ),
        ("{% for i in [1] %}{% block b scoped %}{{ i }}{% endblock %}{% endfor %}", []),
        ("{% for i in [1] %}{% block b %}{{ i }}{% endblock %}{% endfor %}", ["i a.txt:1"]),
        ("{% set n = namespace(x=1) %}{% for i in [1] %}{% set n.x = i %}{% endfor %}{{ n.x }}", []),
        ("{% set x = x + 1 %}{{ x }}", ["x a.txt:1"]),
        ("{% set x = 1 %}{% set x = x + 1 %}{% block b %}{{ x }}{% endblock %}", []),
        ("{% set x = x | default(1) %}{{ x }}", []),
        ("{% set x, y = y, 1 %}{{ x }}", ["y a.txt:1"]),
        ("{% block b %}{% set x = 1 %}{% endblock %}{% block c %}\n{{ x }}{% endblock %}", ["x a.txt:2"]),
        ("{{ range(3) | list }}{{ _('x') }}{% trans n %}{{ n }}{% endtrans %}", ["n a.txt:1"]),
    ],
)
def test_a_variable_is_needed_unless_the_template_sets_it_or_asks_for_it(
    write: Write, source: str, expected: list[str]
) -> None:
    assert _needed(write, {"a.txt": source}) == expected


def test_what_is_extended_and_included_needs_its_variables_too(write: Write) -> None:
    files = {
        "a.txt": '{% extends "b.txt" %}{% block body %}{{ one }}{% include "c.txt" %}{% endblock %}',
        "b.txt": "{{ two }}{% block body %}{{ never }}{% endblock %}{% block c %}{{ three }}{% endblock %}",
        "c.txt": "{{ four }}",
    }
    assert _needed(write, files) == ["one a.txt:1", "four c.txt:1", "two b.txt:1", "three b.txt:1"]


def test_a_block_that_is_written_anew_needs_nothing_of_the_layout_that_it_extended(write: Write) -> None:
    files = {
        "a.mail": '{% extends "b.mail" %}{% block html %}{{ one }}{% endblock %}',
        "b.mail": '{% set v = two %}{% block html %}{% extends "c.html" %}'
        "{% block body %}{{ no }}{% endblock %}{% endblock %}",
        "c.html": "{{ never }}{% block body %}{% endblock %}",
    }
    assert _needed(write, files, "a.mail#html") == ["one a.mail:1", "two b.mail:1"]
    assert _needed(write, files, "b.mail#html") == ["two b.mail:1", "no b.mail:1", "never c.html:1"]


def test_a_block_within_a_block_may_be_written_anew_by_itself(write: Write) -> None:
    files = {
        "a.txt": '{% extends "b.txt" %}{% block inner %}{% endblock %}',
        "b.txt": "{% block outer %}{{ outer }}{% block inner %}{{ never }}{% endblock %}{% endblock %}",
    }
    assert _needed(write, files) == ["outer b.txt:1"]


def test_a_block_that_calls_super_needs_what_it_overrides(write: Write) -> None:
    files = {
        "a.txt": '{% extends "b.txt" %}{% block body %}{{ super() }}{% endblock %}',
        "b.txt": "{% block body %}{{ inherited }}{% endblock %}",
    }
    assert _needed(write, files) == ["inherited b.txt:1"]


def test_what_a_layout_sets_or_imports_is_there_in_the_blocks_that_are_written_anew(write: Write) -> None:
    files = {
        "a.txt": '{% extends "b.txt" %}{% block body %}{{ title }}{{ m.x() }}{{ i }}{{ one }}{% endblock %}',
        "b.txt": '{% import "m.txt" as m %}{% set title = title | default("") %}'
        "{% for i in [1] %}{% block body scoped %}{% endblock %}{% endfor %}",
        "m.txt": "{% macro x() %}{% endmacro %}",
    }
    assert _needed(write, files) == ["one a.txt:1"]


@pytest.mark.parametrize(
    "around",
    [
        "{% for item in [1] %}INCLUDE{% endfor %}",
        "{% with item = 1 %}INCLUDE{% endwith %}",
        "{% macro m(item) %}INCLUDE{% endmacro %}{{ m(1) }}",
        "{% block b %}{% set item = 1 %}INCLUDE{% endblock %}",
        "{% block b %}{% from 'm.txt' import item %}INCLUDE{% endblock %}",
        "{% if item is defined %}INCLUDE{% endif %}",
    ],
)
def test_an_included_file_sees_what_its_includer_sees_there(write: Write, around: str) -> None:
    included = around.replace("INCLUDE", '{% include "b.txt" %}')
    files = {"a.txt": included, "b.txt": '{% include "c.txt" %}', "c.txt": "{{ item }}{{ loop.index }}"}
    assert _needed(write, files) == ["loop c.txt:1"]  # Jinja hands on all but this


def test_a_block_of_an_included_file_is_its_own_whatever_its_name(write: Write) -> None:
    files = {
        "a.txt": '{% block title %}A{% endblock %}{% include "b.txt" %}{% include "c.txt" %}',
        "b.txt": "{% set set_in_b = 1 %}{% block title %}{{ title }}{% endblock %}",
        "c.txt": "{{ set_in_b }}",
    }
    assert _needed(write, files) == ["title b.txt:1", "set_in_b c.txt:1"]


def test_each_file_that_a_condition_or_a_list_names_is_looked_at(write: Write) -> None:
    files = {
        "a.txt": '{% extends "b.txt" if vip else "c.txt" %}',
        "b.txt": '{{ b }}{% include ("none.txt", "d.txt") %}',
        "c.txt": '{{ c }}{% include "e.txt" if f == "f.txt" else g %}',
        "d.txt": "{{ d }}",
        "e.txt": "{{ e }}",
        "f.txt": "{{ never }}",
    }
    assert [each.split()[0] for each in _needed(write, files)] == ["vip", "b", "d", "c", "f", "g", "e"]


def test_a_module_of_macros_sees_no_variables_unless_it_is_given_them(write: Write) -> None:
    files = {
        "a.txt": '{% from "m.txt" import x %}{% import "n.txt" as n with context %}{{ x() }}',
        "m.txt": "{% macro x() %}{{ hidden }}{% endmacro %}",
        "n.txt": "{% macro y() %}{{ given }}{% endmacro %}",
    }
    assert _needed(write, files) == ["given n.txt:1"]


def test_files_that_only_a_variable_knows_are_passed_over_and_so_are_those_that_may_be_missing(
    write: Write,
) -> None:
    files = {
        "a.txt": '{% include kind %}{% include ["none.txt", "c.txt"] ignore missing %}',
        "c.txt": "{{ c }}",
    }
    assert _needed(write, files) == ["kind a.txt:1", "c c.txt:1"]


def test_files_that_include_each_other_come_to_an_end(write: Write) -> None:
    files = {"a.txt": '{% include "b.txt" %}{{ a }}', "b.txt": '{% include "a.txt" %}{{ b }}'}
    assert _needed(write, files) == ["a a.txt:1", "b b.txt:1"]


def test_a_part_of_a_file_of_all_parts_needs_its_own_variables_only(write: Write) -> None:
    whole = "{% block subject %}{{ s }}{% endblock %}{% block text %}{{ t }}{% endblock %}"
    assert _needed(write, {"a.mail": whole}, "a.mail#text") == ["t a.mail:1"]


def test_a_broken_template_is_told_with_its_line(write: Write) -> None:
    with pytest.raises(TemplateError, match=r"a\.txt:2: "):
        _needed(write, {"a.txt": "\n{% if %}"})


@pytest.mark.parametrize("name", NAMES)
def test_the_finished_mails_need_what_their_heads_do_not_call_optional(name: str) -> None:
    parts = (f"{name}{suffix}" for suffix in (".subject", ".txt", ".html"))
    needed = {read.name for part in parts for read in Templates().needed(part)}
    assert needed == {variable for variable, optional in variables(name).items() if not optional}
