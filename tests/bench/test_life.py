"""The history that is asked has what the questions look for, in tables as a user has them."""

from collections.abc import Iterator

import pytest
from sqlalchemy import inspect, text

from bench.fill import Filler
from bench.life import live, named
from bench.shop import Shop, shop
from bench.sql_page import Question, questions
from bench.studies.questions import Answered, slowest
from outbox.store.database import Database
from outbox.store.queue import Queue
from outbox.store.schema import delivery

MAILS = 20_000
ASKED = questions("SQLite")


@pytest.fixture(scope="module")
def lived() -> Iterator[Shop]:
    """Give three months of mail in a file."""
    with shop("sqlite") as opened:
        live(opened.engine, Filler(opened.engine, "sqlite"), MAILS)
        yield opened


def test_almost_all_was_sent_and_a_little_waits(lived: Shop) -> None:
    database = Database(lived.url)
    try:
        counts = {status.value: count for status, count in Queue(database).counts().items()}
    finally:
        database.close()
    ended = {"sent": 19_600, "failed": 200, "expired": 100, "cancelled": 100}
    assert ended | {"pending": 1_000, "held": 50, "in_doubt": 50} == counts


@pytest.mark.parametrize("question", ASKED, ids=[question.title for question in ASKED])
def test_each_question_finds_something(question: Question, lived: Shop) -> None:
    statement = text(question.sql)
    names = {name: named(MAILS)[name] for name in statement.compile().params}
    with lived.engine.connect() as connection:
        assert connection.execute(statement, names).all() != []


def test_the_indexes_are_those_of_the_schema(lived: Shop) -> None:
    found = {index["name"] for index in inspect(lived.engine).get_indexes(delivery.name)}
    with shop("sqlite") as fresh:
        assert {index["name"] for index in inspect(fresh.engine).get_indexes(delivery.name)} == found


def test_the_goal_is_for_the_question_that_takes_longest() -> None:
    assert slowest([Answered("a", 3.0, 90.0), Answered("b", 41.0, 42.0), Answered("c", 1.0, 1.0)]) == 41.0
