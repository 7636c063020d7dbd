"""The private database servers keep what was committed, through a stop and through a crash."""

from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from tests.support.mariadb import MariadbServer
from tests.support.postgres import PostgresServer
from tests.support.waiting import answers, free_port


@pytest.mark.parametrize("kind", [PostgresServer, MariadbServer])
def test_a_private_server_comes_back_with_what_was_committed(
    kind: type[PostgresServer] | type[MariadbServer],
) -> None:
    modes: list[Literal["fast", "immediate"]] = ["fast", "immediate"]
    with kind() as server:
        engine = create_engine(server.url, poolclass=NullPool)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE t (n INTEGER)"))
        for count, mode in enumerate(modes, 1):
            with engine.begin() as connection:
                connection.execute(text("INSERT INTO t VALUES (1)"))
            server.stop(mode)
            assert not server.is_running
            assert not answers(server.port)
            server.start()
            with engine.connect() as connection:
                assert connection.execute(text("SELECT count(*) FROM t")).scalar_one() == count
    assert not answers(server.port)


def test_a_port_that_a_server_will_have_is_given_to_nobody_else_by_chance() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(1_024 < free_port() < lowest for _ in range(1_000))


def test_postgresql_syncs_every_commit() -> None:
    with PostgresServer() as server:
        engine = create_engine(server.url, poolclass=NullPool)
        with engine.connect() as connection:
            assert connection.execute(text("SHOW fsync")).scalar_one() == "on"
