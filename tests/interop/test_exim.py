"""Against Exim: each mail is stored once, byte for byte, and its limits cost no attempt."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from outbox.delivery.relay import Pipelining, Secret, TlsMode
from tests.interop.conftest import StoresAll
from tests.support.daemon import RunningDaemon, application
from tests.support.exim import PASSWORD, USER, EximServer
from tests.support.sending import relay_at

pytestmark = pytest.mark.interop

LOGIN = {"username": USER, "password": Secret(PASSWORD)}


@pytest.fixture(scope="module")
def exim() -> Iterator[EximServer]:
    with EximServer() as server:
        yield server


@pytest.mark.parametrize(
    ("mode", "changes"),
    [
        ("none", {}),
        ("none", {"pipelining": Pipelining.MAIL}),
        ("none", {"pipelining": Pipelining.OFF}),
        ("starttls", {}),
        ("implicit", {}),
        ("starttls", {**LOGIN, "mechanism": "PLAIN"}),
        ("starttls", {**LOGIN, "mechanism": "LOGIN"}),
    ],
)
def test_exim_stores_all_identical(
    mode: str, changes: dict[str, Any], exim: EximServer, stores_all: StoresAll
) -> None:
    tls = TlsMode(mode)
    port = exim.tls_port if tls is TlsMode.IMPLICIT else exim.port
    relay = relay_at(port, host=exim.host, tls=tls, ca_file=exim.ca_file, **changes)
    stores_all(exim, relay, f"Exim, {tls}, {relay.mechanism or f'pipelining {relay.pipelining}'}")


def test_the_limits_of_exim_cost_no_attempt(sqlite_url: str, tmp_path: Path) -> None:
    limits = ("recipients_max = 10", "smtp_accept_max_per_connection = 3")
    everybody = [f"many{n}@example.org" for n in range(25)]
    with application(sqlite_url) as app, EximServer(*limits) as exim:
        app.enqueue(20)
        with app.engine.begin() as connection:
            app.outbox.enqueue(connection, to=everybody, subject="For all", text="Hello.")
        with RunningDaemon(sqlite_url, tmp_path, port=exim.port, connections=1) as daemon:
            app.wait_sent(45)
            assert daemon.terminate() == 0
        assert app.counts() == {"sent": 45}
        assert app.scalar("SELECT max(attempts) FROM outbox_delivery") == 1
        assert exim.stored().total() == 45
