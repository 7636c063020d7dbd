"""The variables of a finished mail, as the comment at the head of its HTML file lists them."""

import re

from tests.looks.stage import TEMPLATES

_VARIABLE = re.compile(r"^(\w+) +(optional: )?\S")


def heading(name: str) -> str:
    """Return the lines of the head of NAME.html that list its variables."""
    comment = (TEMPLATES / f"{name}.html").read_text(encoding="utf-8").split("#}")[0]
    return comment.split("\n\n")[-1].partition("and, optional,")[0].strip()


def variables(name: str) -> dict[str, bool]:
    """Return for each variable that the head of NAME.html lists whether it can be left out."""
    matches = [_VARIABLE.match(line) for line in heading(name).splitlines()]
    return {match[1]: match[2] is not None for match in matches if match}
