"""The text part and the HTML part of a finished mail say the same."""

import re
from typing import Any

import pytest

from outbox.render.templates import Templates
from tests.looks.documented import variables
from tests.looks.stage import NAMES, example
from tests.looks.visible import Visible

ABOUT_THE_BUTTON = "If the button does not work, open this address:"
"""The one sentence for readers of the HTML only."""


def _words(text: str) -> set[str]:
    """Return the words, numbers and addresses of a text, without rules such as ---- and dots."""
    words = {word.strip(".,:;?!").casefold() for word in text.split()}
    return {word for word in words if re.search(r"\w", word)}


def _required(name: str) -> dict[str, Any]:
    return {
        key: value for key, value in example(name).items() if not variables(name).get(key, key != "product")
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("context", [example, _required], ids=["with everything", "with the least"])
def test_every_word_number_and_address_stands_in_both_parts(name: str, context: Any) -> None:
    mail = Templates().render(name, context(name))
    assert mail.text is not None
    assert mail.html is not None
    page = Visible(mail.html)
    addresses = {address.removeprefix("mailto:").casefold() for address in page.addresses}
    assert _words(mail.text) == _words(page.text.replace(ABOUT_THE_BUTTON, "")) | addresses


@pytest.mark.parametrize("name", ["receipt", "invoice"])
def test_every_amount_stands_in_the_line_of_its_name_in_both_parts(name: str) -> None:
    context = example(name)
    mail = Templates().render(name, context)
    rows = [(item["name"], item["price"]) for item in context["items"]] + [
        (label, context[key])
        for label, key in (
            ("Subtotal", "subtotal"),
            ("Shipping", "shipping"),
            # The prices of a receipt have it in them; an invoice adds it.
            ("Tax included" if name == "receipt" else "Tax", "tax"),
            ("Total", "total"),
        )
        if key in context
    ]
    lines = str(mail.text).splitlines()
    cells = [Visible(row).text for row in re.findall(r"<tr>.*?</tr>", str(mail.html))]
    for label, amount in rows:
        assert f"{label:<43} {amount:>16}" in lines
        assert [row for row in cells if row.split()[: len(label.split())] == label.split() and amount in row]


def test_a_long_name_keeps_its_amount_in_the_column() -> None:
    name = "Green tea of the first harvest from the southern slope, 250 g"
    item = {"name": name, "quantity": 1, "price": "€9.80"}
    mail = Templates().render("receipt", example("receipt") | {"items": [item]})
    lines = str(mail.text).splitlines()
    first = lines.index("Green tea of the first harvest from the")
    assert lines[first + 1 : first + 3] == [f"{'southern slope, 250 g':<43} {'€9.80':>16}", "  Quantity 1"]
