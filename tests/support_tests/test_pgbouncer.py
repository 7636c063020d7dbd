"""The private PgBouncer does to its clients what transaction mode does at its worst."""

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from tests.support.pgbouncer import PgBouncer
from tests.support.waiting import wait_until


def process_of_a_transaction(engine: Engine) -> int:
    with engine.begin() as connection:
        return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


def test_one_connection_meets_several_server_processes_and_what_it_prepared_is_lost(
    postgresql_url: str,
) -> None:
    with PgBouncer() as bouncer:
        url = bouncer.before(postgresql_url)
        careful, careless = (create_engine(url, connect_args={"prepare_threshold": n}) for n in (None, 0))
        met: set[int] = set()

        def meets_several() -> bool:
            met.add(process_of_a_transaction(careful))
            return len(met) > 2

        wait_until(meets_several, "a connection meets its third server process")
        with pytest.raises(DBAPIError, match="prepared statement"):
            wait_until(lambda: not process_of_a_transaction(careless), "a prepared statement is lost")
        careful.dispose()
        careless.dispose()
