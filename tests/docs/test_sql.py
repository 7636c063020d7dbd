"""Each query of the page of SQL answers its question, on each database."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from bench.sql_page import DATABASES, questions
from tests.contract.scene import Scene
from tests.docs.known import FAULT, Known

OK = (250, "Ok: queued as 4BX")
LATER = (451, 'Greylisted, it\'s "later" \\ 100 %s ü')
NEVER = (550, "No such user")
NOTHING = (None, None)
TITLES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mysql": "MariaDB"}

INSTANT = re.compile(r"\d{4}-\d\d-\d\d \d\d(:\d\d:\d\d\.\d{6})?")

Rows = list[tuple[Any, ...]]

ANSWERS: dict[str, Callable[[Known], Rows]] = {
    "Did Ada get her receipt?": lambda known: [
        (known.at(0), "Parcel", "pending", None, None, *NOTHING, None),
        (known.at(-1), "Receipt", "sent", known.at(0), None, *OK, "4BX"),
        *(
            (
                known.at(-10_081 * week),
                f"Week {week}",
                "sent",
                known.at(-10_080 * week),
                None,
                *OK,
                "4BX",
            )
            for week in range(1, 10)
        ),
    ],
    "What happened to order 42?": lambda known: [
        (known.at(-1), "Receipt", "ada@example.org", "sent", known.at(0), None, *OK),
        (known.at(0), "Parcel", "ada@example.org", "pending", None, None, *NOTHING),
    ],
    "Which mail has this idempotency key?": lambda known: [
        (known.id("receipt"), known.at(-1), "Receipt", 1, 1, 0, 0, "sent"),
    ],
    "What is the story of this mail?": lambda known: [
        (known.at(0), "bob@example.org", "doubt_resend", "end of data", *NOTHING, "what happened", None),
        (known.at(0), "bob@example.org", "deliver", None, *OK, None, None),
    ],
    "The relay's log has a queue id: whose mail is it?": lambda known: [
        ("bob@example.org", "Sale", known.id("sale"), known.at(-30)),
    ],
    "What are the newest mails, and how do they stand?": lambda known: [
        (known.at(0), "Oops", "ivy@example.org", "cancelled", *NOTHING, known.id("taken back")),
        (known.at(0), "Parcel", "ada@example.org", "pending", *NOTHING, known.id("later")),
        (known.at(0), "Digest", "kim@example.org", "pending", *NOTHING, known.id("much later")),
        (known.at(0), "Hello", "gus@example.org", "pending", *NOTHING, known.id("overdue")),
        (known.at(0), "Code", "hal@example.org", "pending", *NOTHING, known.id("soon useless")),
        (known.at(0), "News", "fred@example.org", "in_doubt", *NOTHING, known.id("doubt")),
        (known.at(0), "Alarm", "erin@example.org", "held", *NOTHING, known.id("storm")),
        (known.at(0), "News", "left@example.org", "failed", *NOTHING, known.id("unwanted")),
        (known.at(0), "News", "zoe@example.org", "failed", *NOTHING, known.id("bounced")),
        (known.at(0), "Hello", "dora@example.org", "failed", *NEVER, known.id("old typo")),
    ],
    "What waits, and for how long?": lambda known: [
        ("default", "pending", 6, known.at(-10), pytest.approx(600, abs=100)),
        ("default", "held", 1, known.at(-6), pytest.approx(360, abs=100)),
        ("bulk", "in_doubt", 1, known.at(-2), pytest.approx(120, abs=100)),
        ("bulk", "pending", 1, known.at(5), 0),
    ],
    "Which mails are due, but nobody sends them?": lambda known: [
        (known.at(-10), "default", "gus@example.org", 0, *NOTHING, known.id("overdue")),
        (known.at(-1), "default", "hal@example.org", 0, *NOTHING, known.id("soon useless")),
    ],
    "How big is the queue, in bytes?": lambda known: [
        ("default", 6, known.waiting_bytes("default")),
        ("bulk", 1, known.waiting_bytes("bulk")),
    ],
    "What is scheduled for later?": lambda known: [
        (known.at(120), "default", "ada@example.org", "Parcel"),
        (known.at(240), "default", "kim@example.org", "Digest"),
    ],
    "What expires within the hour?": lambda known: [
        (known.at(20), "default", "gus@example.org", "Hello", None),
        (known.at(50), "default", "hal@example.org", "Code", None),
    ],
    "Which domains put us off most?": lambda _: [
        ("slow.example", 2, LATER[1]),
        ("busy.example", 1, LATER[1]),
    ],
    "What is held or in doubt, and why?": lambda known: [
        ("bulk", "in_doubt", None, 1, known.at(0)),
        ("default", "held", "storm", 1, known.at(0)),
    ],
    "How many were sent in the last hour?": lambda _: [("default", "mx", 2), ("bulk", "mx2", 1)],
    "How many were sent in each hour of the last day?": lambda known: known.by_hour(0, -30, -40, -300),
    "How long does a mail wait?": lambda _: [(14, 300, 1800, 1800)],
    "What failed in the last day, and why?": lambda known: [
        (known.at(0), "dora@example.org", "Hello", None, *NEVER),
        (known.at(-1), "left@example.org", "News", "suppressed", *NOTHING),
        (known.at(-2), "zoe@example.org", "News", "suppressed", *NOTHING),
    ],
    "Which mails may have been sent twice?": lambda known: [
        (
            known.at(0),
            "doubt_assume",
            "bob@example.org",
            "Notice",
            "sent",
            "mx",
            None,
            None,
            known.id("notice"),
        ),
        (known.at(0), "doubt_resend", "bob@example.org", "Sale", "sent", "mx2", 2048, 30.0, known.id("sale")),
    ],
    "Who got the most mail lately?": lambda _: [("bob@example.org", 2), ("ada@example.org", 1)],
    "How far is the campaign?": lambda known: [("pending", 3, None), ("sent", 1, known.at(-30))],
    "Which addresses get no mail, and why?": lambda known: [
        ("left@example.org", "unsubscribed", "carol", known.at(0)),
        ("zoe@example.org", "bounced", None, known.at(-60)),
    ],
    "What was not sent because of that?": lambda known: [
        (known.at(-1), "left@example.org", "News"),
        (known.at(-2), "zoe@example.org", "News"),
    ],
    "What keeps mail from the relay?": lambda known: [
        ("mx", FAULT, known.at(-10)),
        ("bulk-mx", "421 4.7.0 too many connections", known.at(0)),
    ],
    "Who paused what?": lambda known: [
        ("stream", "bulk", known.at(-10), "bob", "too fast"),
        ("all", "", known.at(0), "bob", "too fast"),
    ],
    "Which daemons run?": lambda known: [
        ("host", 1, "1", "running", known.at(-5), known.at(0), 60, 12, 0, 0),
        ("host", 1, "1", "running", known.at(0), known.at(0), 60, 0, 0, 0),
    ],
    "What did somebody cancel, hold or retry?": lambda known: [
        (known.at(0), "bob", "cancel", None, "ivy@example.org", "Oops"),
        (known.at(0), "carol", "retry", None, "carl@slow.example", "Sale"),
    ],
}


@pytest.fixture(scope="module")
def known(shared_scene: Scene) -> Known:
    """Give the history, on each kind of database in turn."""
    return Known(shared_scene)


@pytest.mark.parametrize("title", ANSWERS)
def test_a_question_has_its_answer(title: str, known: Known) -> None:
    parameters = {
        "recipient": "ada@example.org",
        "order": "42",
        "key": "receipt-42",
        "id": known.id("sale"),
        "queue_id": "4BY",
        "campaign": "spring",
    }
    (sql,) = (question.sql for question in questions(TITLES[known.dialect]) if question.title == title)
    statement = text(sql)
    wanted = {name: value for name, value in parameters.items() if name in statement.compile().params}
    with known.application.connect() as connection:
        if known.dialect == "postgresql":
            connection.execute(text("SET TIME ZONE 'UTC'"))
        rows = [tuple(map(plain, row)) for row in connection.execute(statement, wanted)]
    assert ANSWERS[title](known) == rows


@pytest.mark.parametrize("database", DATABASES)
def test_the_page_has_at_least_twenty_questions_and_each_is_asked_here(database: str) -> None:
    titles = [question.title for question in questions(database)]
    assert list(ANSWERS) == titles
    assert len(titles) >= 20


def plain(value: Any) -> Any:
    """Return a value as any of the drivers might have read it: aware instants, ids as letters, numbers."""
    match value:
        case str() if INSTANT.fullmatch(value):
            return datetime.fromisoformat(value).replace(tzinfo=UTC)
        case datetime():
            return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        case UUID():
            return value.hex
        case Decimal() | float():
            return round(float(value), 1)
        case _:
            return value
