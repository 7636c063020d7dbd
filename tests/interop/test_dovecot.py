"""Against Dovecot: LMTP with its answer for each recipient."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from outbox.delivery.relay import Pipelining, TlsMode
from tests.interop.conftest import StoresAll
from tests.support.daemon import RunningDaemon, application
from tests.support.dovecot import DovecotServer
from tests.support.sending import deliver, envelope, kinds, relay_at
from tests.support.stored import copies_of
from tests.support.waiting import wait_until

pytestmark = pytest.mark.interop

FULL = "full@example.org"


@pytest.fixture(scope="module")
def dovecot() -> Iterator[DovecotServer]:
    with DovecotServer(FULL) as server:
        yield server


@pytest.mark.parametrize(
    ("tls", "changes"),
    [
        (TlsMode.NONE, {}),
        (TlsMode.NONE, {"pipelining": Pipelining.MAIL}),
        (TlsMode.NONE, {"pipelining": Pipelining.OFF}),
        (TlsMode.STARTTLS, {}),
    ],
)
def test_dovecot_stores_all_identical_over_lmtp(
    tls: TlsMode, changes: dict[str, Any], dovecot: DovecotServer, stores_all: StoresAll
) -> None:
    relay = relay_at(dovecot.port, lmtp=True, host=dovecot.host, tls=tls, ca_file=dovecot.ca_file, **changes)
    stores_all(dovecot, relay, f"Dovecot LMTP, {tls}, pipelining {relay.pipelining}")


def test_a_full_mailbox_is_refused_after_the_dot_and_its_neighbours_get_the_mail(
    dovecot: DovecotServer,
) -> None:
    before = dovecot.stored()
    mail = envelope("one@example.org", FULL, "two@example.org")
    outcome = deliver(relay_at(dovecot.port, lmtp=True), mail, mail)
    expected = ["Sent", "Rejected", "Sent"]
    assert [expected, expected] == [kinds(verdicts) for verdicts in outcome.verdicts], outcome.verdicts
    arrived = copies_of(envelope("one@example.org", "two@example.org"))
    assert arrived + arrived == dovecot.stored() - before


def test_the_daemon_keeps_the_answer_of_each_lmtp_recipient(
    dovecot: DovecotServer, sqlite_url: str, tmp_path: Path
) -> None:
    with application(sqlite_url) as app:
        with app.engine.begin() as connection:
            app.outbox.enqueue(
                connection, to=["three@example.org", FULL], subject="Two fates", text="One mail."
            )
        with RunningDaemon(sqlite_url, tmp_path, port=dovecot.port, smtp_protocol="lmtp") as daemon:
            wait_until(
                lambda: app.counts()["pending"] + app.counts()["sending"] == 0, "both fates are recorded"
            )
            assert daemon.terminate() == 0
        with app.engine.connect() as connection:
            rows = connection.execute(
                text(
                    "SELECT recipient, status, attempts, reply_code, enhanced_code "
                    "FROM outbox_delivery ORDER BY n"
                )
            ).all()
    assert [tuple(row) for row in rows] == [
        ("three@example.org", "sent", 1, 250, "2.0.0"),
        (FULL, "failed", 1, 552, "5.2.2"),
    ]
