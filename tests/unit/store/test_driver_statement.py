"""A statement says to each driver what SQLAlchemy would, in its own words and with its own values."""

from uuid import UUID

import pytest
from sqlalchemy import Dialect, Integer, LargeBinary, String, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB, asyncpg, pg8000, psycopg

from outbox.store.dialects.postgresql_insert import MANY_MAILS, ONE_MAIL
from outbox.store.driver_statement import DriverStatement

ID = UUID(int=7)
# Their constructors have no types.
PSYCOPG, ASYNCPG, PG8000 = (getattr(driver, "dialect")() for driver in (psycopg, asyncpg, pg8000))  # noqa: B009
CLAUSE = text("SELECT :id, :tags, :id, :words, :mime, :size").bindparams(
    bindparam("id", type_=Uuid()),
    bindparam("tags", type_=JSONB(none_as_null=True)),
    bindparam("words", type_=String()),
    bindparam("mime", type_=LargeBinary()),
    bindparam("size", type_=Integer()),
)
VALUES = {"size": 3, "words": "50 % of :id", "id": ID, "mime": b"x", "tags": None}


def test_a_driver_that_takes_names_gets_them() -> None:
    form = DriverStatement(CLAUSE).form(PSYCOPG)
    assert form.parameters(VALUES) == VALUES
    assert form.text.startswith("SELECT %(id)s::UUID, %(tags)s::JSONB, %(id)s::UUID, %(words)s::VARCHAR")


def test_a_driver_that_counts_gets_each_value_once() -> None:
    form = DriverStatement(CLAUSE).form(ASYNCPG)
    assert form.parameters(VALUES) == (ID, None, "50 % of :id", b"x", 3)
    assert form.text.startswith("SELECT $1::UUID, $2::JSONB, $1::UUID, $3::VARCHAR, $4")


def test_a_driver_that_goes_by_place_gets_a_value_wherever_it_stands() -> None:
    form = DriverStatement(CLAUSE).form(PG8000)
    assert form.parameters(VALUES) == (ID, None, ID, "50 % of :id", b"x", 3)


def test_a_value_becomes_what_the_driver_takes_and_the_callers_own_stays() -> None:
    given = {**VALUES, "tags": {"order": 42}}
    form = DriverStatement(CLAUSE).form(ASYNCPG)
    assert form.parameters(given) == (ID, '{"order": 42}', "50 % of :id", b"x", 3)
    assert given["tags"] == {"order": 42}


@pytest.mark.parametrize("dialect", [PSYCOPG, ASYNCPG, PG8000])
@pytest.mark.parametrize("statement", [*ONE_MAIL.values(), MANY_MAILS])
def test_the_statements_of_a_mail_are_text_for_every_driver(
    dialect: Dialect, statement: DriverStatement
) -> None:
    form = statement.form(dialect)
    # What no parameter was made of would go to the server as it stands.
    assert "(:" not in form.text
    assert " :" not in form.text
