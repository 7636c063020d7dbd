"""Which statements write."""

import pytest
from sqlalchemy.orm import Session

from outbox.integrations.flask.watched import Watched

WRITE = [
    "INSERT INTO note VALUES (1)",
    "\n\t update note SET text = ''",
    "DELETE FROM note",
    "REPLACE INTO note VALUES (1)",
    "MERGE INTO note USING other ON true WHEN MATCHED THEN DELETE",
    "COPY note FROM STDIN",
    "-- why\n/* who */ /* when\n*/INSERT INTO note VALUES (1)",
    "WITH gone AS (DELETE FROM note RETURNING *) SELECT * FROM gone",
    "with chosen AS (SELECT 1)\nUPDATE note SET text = ''",
]
READ = [
    "SELECT 1",
    "SELECT * FROM note FOR UPDATE",
    "SELECT 'INSERT'",
    "-- INSERT\nSELECT 1",
    "/* UPDATE */ SELECT 1",
    "WITH chosen AS (SELECT inserted FROM note) SELECT * FROM chosen",
    "WITH chosen AS (SELECT 1) SELECT * FROM note, chosen FOR UPDATE",
    "WITH chosen AS (SELECT 1) SELECT * FROM note, chosen FOR NO KEY UPDATE",
    "SET LOCAL statement_timeout = 1",
    "SAVEPOINT one",
    "inserted",
    "",
    "/* ",
]


@pytest.mark.parametrize("statement", WRITE)
def test_a_statement_that_writes_is_known_by_its_first_word(statement: str) -> None:
    assert seen(statement)


@pytest.mark.parametrize("statement", READ)
def test_a_statement_that_reads_is_none_that_writes(statement: str) -> None:
    assert not seen(statement)


def seen(statement: str) -> bool:
    watched = Watched(Session())
    watched.notice(statement)
    return watched.has_written
