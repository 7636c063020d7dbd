"""A mail in the language of its reader: files, catalogues, and how that language writes numbers and days."""

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
from outbox.render.language import marks, tags
from outbox.render.templates import Templates
from tests.unit.render.conftest import Write

ALERT = {"product": "P", "level": "critical", "title": "T", "message": "M", "at": "now"} | {
    "url": "https://example.org/"
}

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
    templates = Templates(write(french | {"welcome.de-AT.mail": "", "welcome.old.txt.orig": ""}))
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
