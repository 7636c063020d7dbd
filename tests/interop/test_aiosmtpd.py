"""Against aiosmtpd, as it comes and as `outbox catch` runs it: every byte arrives, whatever the TLS."""

from collections import Counter
from hashlib import sha256
from pathlib import Path

from outbox.cli.catcher import Catcher, Caught
from outbox.delivery.relay import Secret, TlsMode
from tests.interop.conftest import StoresAll
from tests.support.aiosmtpd_server import PASSWORD, USER, AiosmtpdServer
from tests.support.sending import relay_at
from tests.support.stored import Copies
from tests.support.tls import Authority


def test_plain_aiosmtpd_stores_all_identical(stores_all: StoresAll) -> None:
    with AiosmtpdServer() as server:
        stores_all(server, relay_at(server.port), "aiosmtpd, plain")


def test_aiosmtpd_with_starttls_and_a_login_stores_all_identical(
    stores_all: StoresAll, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    context = authority.server_context("127.0.0.1")
    with AiosmtpdServer(tls_context=context, require_starttls=True, auth_required=True) as server:
        relay = relay_at(
            server.port,
            tls=TlsMode.STARTTLS,
            ca_file=authority.ca_file,
            username=USER,
            password=Secret(PASSWORD),
        )
        stores_all(server, relay, "aiosmtpd, STARTTLS, AUTH PLAIN")


def test_aiosmtpd_with_implicit_tls_stores_all_identical(stores_all: StoresAll, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with AiosmtpdServer(implicit=authority.server_context("127.0.0.1")) as server:
        relay = relay_at(server.port, tls=TlsMode.IMPLICIT, ca_file=authority.ca_file)
        stores_all(server, relay, "aiosmtpd, implicit TLS")


class Catching:
    """The catcher, with what it caught counted as other servers count it."""

    def __init__(self) -> None:
        self._copies: Copies = Counter()

    def stored(self) -> Copies:
        return self._copies.copy()

    def take(self, caught: Caught) -> None:
        digest = sha256(caught.content).hexdigest()
        self._copies.update((recipient, digest) for recipient in caught.recipients)


def test_the_catcher_stores_all_identical(stores_all: StoresAll) -> None:
    catching = Catching()
    with Catcher(on_mail=catching.take) as catcher:
        stores_all(catching, relay_at(catcher.port), "outbox catch, plain")
