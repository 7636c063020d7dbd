"""One Postfix, reached in every way that a relay can name: each mail is stored once, byte for byte."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from outbox.delivery.mail import Envelope
from outbox.delivery.relay import Pipelining, Relay, TlsMode
from tests.interop.conftest import StoresAll
from tests.support.postfix import PostfixServer
from tests.support.sending import relay_at
from tests.support.shapes import SHAPES, composed

TLS = {"smtpd_tls_loglevel": "1", "smtpd_tls_ask_ccert": "yes"}


@pytest.fixture(scope="module")
def postfix() -> Iterator[PostfixServer]:
    """Give one Postfix to all tests here, since it takes two seconds to start."""
    with PostfixServer(keeps=True, settings=TLS) as server:
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
        (TlsMode.OPPORTUNISTIC, {"ca_file": None}),
        (TlsMode.IMPLICIT, {}),
    ],
    ids=["starttls", "starttls with a pinned name", "opportunistic", "implicit"],
)
def test_postfix_stores_all_identical_through_tls(
    mode: TlsMode, changes: dict[str, Any], postfix: PostfixServer, stores_all: StoresAll
) -> None:
    before = sessions(postfix, "Anonymous")
    relay = secured(postfix, mode, **changes)
    stores_all(postfix, relay, f"Postfix, {mode}{', pinned name' if relay.tls_name else ''}")
    assert sessions(postfix, "Anonymous") == before + 1


def test_postfix_trusts_the_certificate_that_we_show(postfix: PostfixServer, stores_all: StoresAll) -> None:
    relay = secured(postfix, TlsMode.IMPLICIT, client_cert=postfix.client_cert)
    stores_all(postfix, relay, "Postfix, implicit, our certificate")
    assert sessions(postfix, "Trusted") == 1


def secured(postfix: PostfixServer, mode: TlsMode, **changes: Any) -> Relay:
    relay = relay_at(postfix.port, host=postfix.host, tls=mode, ca_file=postfix.ca_file)
    if mode is TlsMode.IMPLICIT:
        relay = replace(relay, port=postfix.tls_port)
    return replace(relay, **changes)


def sessions(postfix: PostfixServer, client: str) -> int:
    """Count the TLS sessions of such a client in the log."""
    return postfix.log().count(f"{client} TLS connection established")


def test_postfix_stores_every_shape_of_a_composed_mail(postfix: PostfixServer, stores_all: StoresAll) -> None:
    mails = [Envelope("shop@example.com", (f"{name}@example.org",), composed(name)) for name in SHAPES]
    stores_all(postfix, relay_at(postfix.port), "Postfix, all that we compose", mails)
