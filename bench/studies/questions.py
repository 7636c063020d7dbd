"""How long a person waits for an answer of docs/sql.md beside millions of finished mails."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from sqlalchemy import Connection, create_engine, text

from bench.databases import NAMES, title
from bench.fill import Filler
from bench.life import live, named
from bench.shop import shop
from bench.sql_page import questions
from bench.study import Goal, Study

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Engine

Ask = Callable[[Connection], object]

_TIMES = 20
_LONGEST = 50.0


@dataclass(frozen=True, slots=True)
class Answered:
    """Milliseconds until all of an answer was read."""

    question: str
    p50: float
    longest: float


def answers(kind: str, mails: int) -> list[Answered]:
    """Ask each question 20 times, after a first time that warms, beside 250 times as many finished mails."""
    finished = 250 * mails
    with shop(kind) as opened:
        filler = Filler(opened.engine, kind)
        live(opened.engine, filler, finished)
        filler.tidy()
        # A reader of its own: the one that filled has its caches still.
        reader = create_engine(opened.url)
        try:
            return [_asked(reader, name, ask) for name, ask in _asks(kind, finished).items()]
        finally:
            reader.dispose()


def _asks(kind: str, finished: int) -> dict[str, Ask]:
    """Return all that is asked, by name: the queries of the page, and beside them what the API answers."""
    names = named(finished)
    return {question.title: _query(question.sql, names) for question in questions(title(kind))}


def _query(sql: str, names: Mapping[str, str]) -> Ask:
    statement = text(sql)
    parameters = {name: names[name] for name in statement.compile().params}
    return lambda connection: connection.execute(statement, parameters).all()


def _asked(reader: Engine, name: str, ask: Ask) -> Answered:
    with reader.connect() as connection:
        ask(connection)
        times = []
        for _ in range(_TIMES):
            began = time.perf_counter()
            ask(connection)
            times.append((time.perf_counter() - began) * 1000)
    return Answered(name, median(times), max(times))


def slowest(found: list[Answered]) -> float:
    """Return the p50 of the question that takes longest."""
    return max(each.p50 for each in found)


def _rows(found: list[Answered]) -> Iterator[tuple[str, ...]]:
    return ((each.question, f"{each.p50:.1f}", f"{each.longest:.1f}") for each in found)


QUESTIONS = Study(
    "questions",
    "How long a person waits for an answer of docs/sql.md beside the most finished mails, in ms",
    NAMES,
    ("question", "p50", "max"),
    answers,
    _rows,
    (Goal("the p50 of the slowest question, in ms", _LONGEST, slowest, upper=True),),
)
