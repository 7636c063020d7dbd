"""Chromium shows each finished mail as it should, narrow and wide, light and dark."""

from collections.abc import Callable
from typing import Any

import pytest

from outbox.render.templates import Templates
from tests.looks.found import Found, found
from tests.looks.stage import NAMES, SCHEMES, WIDTHS, bare, example, stage

LONG = "Donaudampfschifffahrtsgesellschaftskapitänswitwenrente"
AMOUNTS = {"price", "total", "subtotal", "shipping", "tax"}
SHORT = {"level", "value"}


def _stretched(value: Any, key: str = "") -> Any:
    """Return a context with a long word wherever people write, and with the amounts of a year."""
    match value:
        case dict():
            return {name: _stretched(each, name) for name, each in value.items()}
        case list():
            return [_stretched(each, key) for each in value]
        case str() if key in AMOUNTS:
            return "CHF 1,234,567.89"
        case str() if key not in SHORT:
            return value + LONG if value.startswith("https:") else f"{value} {LONG}"
    return value


def _mail(name: str, changed: dict[str, Any] | None = None) -> str:
    return str(Templates().render(name, example(name) | (changed or {})).html)


# The levels of an alert are spread over them, so that each colour is seen once.
MAILS: dict[str, Callable[[str], str]] = {
    "as sent": _mail,
    "with no styles inlined": lambda name: bare(name, example(name) | {"level": "resolved"}),
    "from right to left": lambda name: _mail(name, {"level": "warning", "dir": "rtl", "lang": "ar"}),
    "with long words": lambda name: _mail(name, _stretched(example(name) | {"level": "other"})),
}


@pytest.fixture(scope="module", params=MAILS)
def frames(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Found]:
    """Lay out every mail in every width and scheme."""
    page = tmp_path_factory.mktemp("stage") / "stage.html"
    page.write_text(stage({name: MAILS[request.param](name) for name in NAMES}), encoding="utf-8")
    return found(page)


def test_each_mail_is_seen_in_each_width_and_scheme(frames: list[Found]) -> None:
    assert [
        (name, scheme, width, scheme == "light") for name in NAMES for scheme in SCHEMES for width in WIDTHS
    ] == [(each.mail, each.scheme, each.inner, each.paper > 0.5) for each in frames]


def test_nothing_stands_beyond_the_edge(frames: list[Found]) -> None:
    assert [each for each in frames if each.scroll > each.inner or each.beyond] == []


def test_the_column_fills_a_phone_and_ends_at_600_pixels(frames: list[Found]) -> None:
    assert {each.inner: each.column for each in frames} == {320: 304, 640: 600, 1000: 600}


def test_all_text_has_the_contrast_of_wcag_aa_and_is_large_enough(frames: list[Found]) -> None:
    texts = [(each.mail, each.scheme, text) for each in frames for text in each.texts]
    assert len(texts) > 10 * len(frames)
    assert [each for each in texts if each[2]["contrast"] < 4.5 or each[2]["size"] < 13] == []


def test_a_thumb_hits_every_button(frames: list[Found]) -> None:
    assert {1} == {len(each.buttons) for each in frames}
    assert min(height for each in frames for height in each.buttons) >= 44
