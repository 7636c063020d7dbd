"""One Postfix, reached in every way that a relay can name: each mail is stored once, byte for byte."""

from collections.abc import Iterator
from typing import Any

import pytest

from outbox.delivery.relay import Pipelining, TlsMode
from tests.interop.conftest import StoresAll
from tests.support.postfix import PostfixServer
from tests.support.sending import relay_at


@pytest.fixture(scope="module")
def postfix() -> Iterator[PostfixServer]:
    """Give one Postfix to all tests here, since it takes two seconds to start."""
    with PostfixServer(keeps=True, settings={"smtpd_tls_loglevel": "1"}) as server:
        yield server


@pytest.mark.parametrize("pipelining", Pipelining)
def test_postfix_stores_all_identical_however_far_we_write_ahead(
    pipelining: Pipelining, postfix: PostfixServer, stores_all: StoresAll
) -> None:
    relay = relay_at(postfix.port, pipelining=pipelining)
    stores_all(postfix, relay, f"Postfix, plain, pipelining {pipelining}")


@pytest.mark.parametrize(
    ("mode", "changes"),
    [
        (TlsMode.STARTTLS, {}),
        (TlsMode.STARTTLS, {"host": "127.0.0.1", "tls_name": "localhost"}),
        (TlsMode.IMPLICIT, {}),
        (TlsMode.OPPORTUNISTIC, {"ca_file": None}),
    ],
    ids=["starttls", "starttls with a pinned name", "implicit", "opportunistic"],
)
def test_postfix_stores_all_identical_through_tls(
    mode: TlsMode, changes: dict[str, Any], postfix: PostfixServer, stores_all: StoresAll
) -> None:
    port = postfix.tls_port if mode is TlsMode.IMPLICIT else postfix.port
    secured = postfix.log().count("TLS connection established")
    relay = relay_at(port, **{"host": postfix.host, "tls": mode, "ca_file": postfix.ca_file, **changes})
    stores_all(postfix, relay, f"Postfix, {mode}{', pinned name' if relay.tls_name else ''}")
    assert postfix.log().count("TLS connection established") == secured + 1
