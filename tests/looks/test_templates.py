"""The finished mails keep to what their heads document, and to what mail clients can show."""

import re

import jinja2
import pytest
from jinja2 import meta, nodes

from outbox.errors import TemplateError
from outbox.render.templates import Templates
from tests.looks.documented import variables
from tests.looks.stage import NAMES, TEMPLATES, bare, example, rendered
from tests.looks.visible import Visible

BASE = variables("base")


def _read(file: str) -> set[str]:
    """Return the variables that a template file reads."""
    source = (TEMPLATES / file).read_text(encoding="utf-8")
    parsed = jinja2.Environment(autoescape=True).parse(source)
    imported = {
        name if isinstance(name, str) else name[1]
        for each in parsed.find_all(nodes.FromImport)
        for name in each.names
    }
    return meta.find_undeclared_variables(parsed) - imported


def test_there_are_the_eight_mails_that_most_applications_send() -> None:
    assert {
        "welcome",
        "verify_address",
        "password_reset",
        "receipt",
        "invoice",
        "new_follower",
        "digest",
        "alert",
    } == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_mail_reads_the_variables_that_its_head_documents_and_no_other(name: str) -> None:
    read = set().union(*(_read(f"{name}.{part}") for part in ("subject", "txt", "html")))
    read |= _read("base.html") | _read("base.txt")
    assert {*variables(name), *BASE} == read


@pytest.mark.parametrize("name", NAMES)
def test_the_example_has_every_variable_of_the_mail_and_none_that_is_unknown(name: str) -> None:
    given = set(example(name))
    # A picture would have to be fetched.
    assert set(variables(name)) - {"follower_picture"} <= given
    assert given <= {*variables(name), *BASE}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_optional_can_be_left_out_and_what_is_not_cannot(name: str) -> None:
    for variable in example(name):
        context = {key: value for key, value in example(name).items() if key != variable}
        if variables(name).get(variable, BASE.get(variable)):
            Templates().render(name, context)
        else:
            with pytest.raises(TemplateError, match=f"'{variable}' is undefined"):
                Templates().render(name, context)


@pytest.mark.parametrize("name", NAMES)
def test_a_mail_is_small_and_asks_nothing_of_the_network(name: str) -> None:
    sent = str(rendered(name).html)
    for page in (bare(name, example(name)), sent):
        assert len(page.encode()) < 20_000
        assert max(len(line.encode()) for line in page.splitlines()) <= 998
        assert not re.search(r"<(img|link|script|iframe|form)\b|@import|url\(", page)
    assert all(re.match(r"https://|mailto:", address) for address in Visible(sent).addresses)


@pytest.mark.parametrize("name", NAMES)
def test_a_mail_is_whole_where_a_client_drops_its_style_sheet(name: str) -> None:
    left = re.sub(r"<style>.*?</style>", "", str(rendered(name).html), flags=re.DOTALL)
    for rule in (
        "max-width: 600px",
        "background-color: #ffffff",
        "padding: 13px 28px",
        "color: #5a6470",
        "font-size: 26px",
    ):
        # css-inline may write a rule without the space.
        assert rule.replace(": ", ":") in left.replace(": ", ":")
    assert "!important" not in re.sub(r"<!--.*?-->", "", left, flags=re.DOTALL)


@pytest.mark.parametrize("name", NAMES)
def test_a_screen_reader_hears_layout_as_no_table_and_knows_the_language(name: str) -> None:
    mail = Templates().render(name, example(name) | {"lang": "ar", "dir": "rtl"})
    tags = Visible(str(mail.html)).tags
    tables = [attributes for tag, attributes in tags if tag == "table"]
    assert all(each.get("role") == "presentation" or "sums" in str(each["class"]) for each in tables)
    assert len([each for _, each in tags if (each.get("lang"), each.get("dir")) == ("ar", "rtl")]) == 2
    assert len([tag for tag, _ in tags if tag == "h1"]) == 1


def test_the_brand_is_a_matter_of_variables() -> None:
    brand = {
        "logo_url": "https://harbor.example.com/logo.png",
        "brand_color": "#7a1f5c",
        "brand_color_dark": "#f2a9d8",
    }
    page = str(Templates().render("welcome", example("welcome") | brand).html)
    assert ("img", "Harbor") in [(tag, attributes.get("alt")) for tag, attributes in Visible(page).tags]
    assert f'src="{brand["logo_url"]}"' in page
    assert "#2557c7" not in page
    assert "#8ab4ff" not in page
    assert f"background-color:{brand['brand_color']}" in page.replace(": ", ":")
    assert f"color: {brand['brand_color_dark']} !important" in page


@pytest.mark.parametrize("level", ["critical", "warning", "resolved", "Unheard of"])
def test_an_alert_shows_its_level_in_a_colour_and_in_words(level: str) -> None:
    mail = Templates().render("alert", example("alert") | {"level": level})
    assert mail.subject.startswith(f"{level.capitalize()}: ")
    assert re.search(rf'class="mark {level.lower()}"[^>]*>{level.capitalize()}</p>', str(mail.html))
