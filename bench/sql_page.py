"""The questions of docs/sql.md, as a program reads them: the page is what is tested and measured."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "sql.md"

_TIMES = re.compile(r"^\| `:(\w+)` \| `(.*)` \| `(.*)` \| `(.*)` \|$", re.MULTILINE)
_QUESTION = re.compile(r"^### (.*)\n((?:(?!^#).*\n)*)", re.MULTILINE)
_BLOCK = re.compile(r"^```sql\n(.*?);\n```$", re.MULTILINE | re.DOTALL)
DATABASES = ("PostgreSQL", "MariaDB", "SQLite")


@dataclass(frozen=True, slots=True)
class Question:
    """What a person asks, and the query that answers on one database; its parameters are `:name`."""

    title: str
    sql: str


def questions(database: str) -> list[Question]:
    """Return what the page asks of a database, which is named by its title, in the order of the page.

    A block that begins with names of databases in a comment is for these, any other is for all. Times are
    filled in from the table of the page. Raises ValueError for a question that has not one block for each.
    """
    page = PAGE.read_text(encoding="utf-8")
    times = {name: forms[DATABASES.index(database)] for name, *forms in _TIMES.findall(page)}
    return [
        Question(title, _filled_in(_block(title, text, database), times))
        for title, text in _QUESTION.findall(page)
    ]


def _block(title: str, text: str, database: str) -> str:
    blocks = [block for block in _BLOCK.findall(text) if _is_for(block, database)]
    if len(blocks) != 1:
        raise ValueError(
            f"docs/sql.md: {title!r} has {len(blocks)} queries for {database}. "
            "Write one for all, or one for each under a comment that names its databases."
        )
    return str(blocks[0])


def _is_for(block: str, database: str) -> bool:
    first = block.partition("\n")[0]
    return not first.startswith("-- ") or database in first


def _filled_in(sql: str, times: dict[str, str]) -> str:
    # The colons of a form are no parameters.
    return re.sub(r":(\w+)", lambda found: times.get(found[1], found[0]).replace(":%", r"\:%"), sql)
