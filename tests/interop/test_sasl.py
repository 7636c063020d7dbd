"""Against a Postfix that lets in only whom Dovecot knows: every mechanism, and what a wrong secret means."""

from collections.abc import Iterator
from pathlib import Path

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


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256"])
def test_postfix_lets_in_whoever_proves_the_password(
    mechanism: str, postfix: PostfixServer, stores_all: StoresAll
) -> None:
    relay = relay_at(
        postfix.port, host=postfix.host, tls=TlsMode.STARTTLS, ca_file=postfix.ca_file,
        username=USER, password=Secret(PASSWORD), mechanism=mechanism,
    )  # fmt: skip
    stores_all(postfix, relay, f"Postfix, starttls, Dovecot AUTH {mechanism}")
    postfix.wait_logged(f"sasl_method={mechanism}, sasl_username={USER}")


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_postfix_lets_in_whoever_holds_a_token(
    mechanism: str, postfix: PostfixServer, dovecot: DovecotServer, stores_all: StoresAll, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text(dovecot.token() + "\n")
    relay = relay_at(
        postfix.tls_port, host=postfix.host, tls=TlsMode.IMPLICIT, ca_file=postfix.ca_file,
        username=USER, token_file=token, mechanism=mechanism,
    )  # fmt: skip
    stores_all(postfix, relay, f"Postfix, implicit, Dovecot AUTH {mechanism}")
    postfix.wait_logged(f"sasl_method={mechanism}, sasl_username={USER}")


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER"])
def test_a_wrong_secret_is_a_fault_of_the_relay(
    mechanism: str, postfix: PostfixServer, tmp_path: Path
) -> None:
    wrong = tmp_path / "token"
    wrong.write_text("not.a.token")
    secret = {"token_file": wrong} if "OAUTH" in mechanism else {"password": Secret("cold tea")}
    relay = relay_at(
        postfix.port, host=postfix.host, tls=TlsMode.STARTTLS, ca_file=postfix.ca_file,
        username=USER, mechanism=mechanism, **secret,
    )  # fmt: skip
    fault = fault_of(relay)
    assert (fault.stage, fault.answer and fault.answer.code) == ("AUTH", 535), fault
