"""Against postscreen, which bars who speaks too early or too much at once, and defers every newcomer once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.conftest import StoresAll
from tests.support.daemon import RunningDaemon, application
from tests.support.postfix import PostfixServer
from tests.support.sending import deliver, envelope, kinds, relay_at

pytestmark = pytest.mark.interop


@pytest.fixture
def screened() -> Iterator[PostfixServer]:
    with PostfixServer(keeps=True, screened=True) as server:
        yield server


def test_a_newcomer_who_behaves_is_deferred_once_and_then_let_in(
    screened: PostfixServer, stores_all: StoresAll
) -> None:
    relay = relay_at(screened.port)
    outcome = deliver(relay, envelope(), envelope())
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [["Deferred"], ["Deferred"]]
    screened.wait_logged("PASS NEW")
    stores_all(screened, relay, "postscreen and Postfix, plain")


def test_the_daemon_comes_back_to_postscreen_and_loses_nothing(
    screened: PostfixServer, sqlite_url: str, tmp_path: Path
) -> None:
    with application(sqlite_url) as app:
        app.enqueue(10)
        with RunningDaemon(
            sqlite_url, tmp_path, port=screened.port, smtp_host=screened.host,
            smtp_tls="starttls", smtp_ca_file=screened.ca_file, retry_base=1, retry_cap=1,
        ) as daemon:  # fmt: skip
            app.wait_sent(10)
            assert daemon.terminate() == 0
        assert app.counts() == {"sent": 10}
        screened.wait_delivered(10)
        assert {message_id: 1 for message_id, _ in app.committed()} == screened.delivered()
