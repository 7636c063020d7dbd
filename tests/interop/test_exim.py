"""Against Exim: each mail is stored once, byte for byte."""

from collections.abc import Iterator
from typing import Any

import pytest

from outbox.delivery.relay import Pipelining, Secret, TlsMode
from tests.interop.conftest import StoresAll
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
    ],
)
def test_exim_stores_all_identical(
    mode: str, changes: dict[str, Any], exim: EximServer, stores_all: StoresAll
) -> None:
    tls = TlsMode(mode)
    port = exim.tls_port if tls is TlsMode.IMPLICIT else exim.port
    relay = relay_at(port, host=exim.host, tls=tls, ca_file=exim.ca_file, **changes)
    stores_all(exim, relay, f"Exim, {tls}, {relay.mechanism or f'pipelining {relay.pipelining}'}")
