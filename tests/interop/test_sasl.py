"""Against a Postfix that lets in only whom Dovecot knows, and what a wrong password means."""

from collections.abc import Iterator

import pytest

from outbox.delivery.relay import Secret, TlsMode
from tests.interop.conftest import StoresAll
from tests.support.dovecot import PASSWORD, USER, DovecotServer
from tests.support.postfix import PostfixServer
from tests.support.sending import fault_of, relay_at

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def dovecot() -> Iterator[DovecotServer]:
    with DovecotServer() as server:
        yield server


@pytest.fixture(scope="module")
def postfix(dovecot: DovecotServer) -> Iterator[PostfixServer]:
    with PostfixServer(keeps=True, settings=dovecot.postfix_settings) as server:
        yield server


@pytest.mark.parametrize("mechanism", ["PLAIN"])
def test_postfix_lets_in_whoever_proves_the_password(
    mechanism: str, postfix: PostfixServer, stores_all: StoresAll
) -> None:
    relay = relay_at(
        postfix.port, host=postfix.host, tls=TlsMode.STARTTLS, ca_file=postfix.ca_file,
        username=USER, password=Secret(PASSWORD), mechanism=mechanism,
    )  # fmt: skip
    stores_all(postfix, relay, f"Postfix, starttls, Dovecot AUTH {mechanism}")
    assert f"sasl_method={mechanism}, sasl_username={USER}" in postfix.log()


def test_a_wrong_password_is_a_fault_of_the_relay(postfix: PostfixServer) -> None:
    relay = relay_at(
        postfix.port, host=postfix.host, tls=TlsMode.STARTTLS, ca_file=postfix.ca_file,
        username=USER, password=Secret("cold tea"),
    )  # fmt: skip
    fault = fault_of(relay)
    assert (fault.stage, fault.answer and fault.answer.code) == ("AUTH", 535), fault
