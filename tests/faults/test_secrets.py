"""What a daemon tells anybody holds no password, no recipient and no subject, whatever goes wrong."""

import base64
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError

import pytest
from sqlalchemy import make_url, text

from outbox.cli.log_lines import tag
from outbox.testing import FaultyServer
from outbox.testing.attempt import Attempt
from tests.support.daemon import Application, RunningDaemon, application
from tests.support.database_proxy import DatabaseProxy
from tests.support.waiting import free_port, wait_until

USER = "shop-account"
SMTP_PASSWORD = "Xk2-smtp-horse-battery"
DATABASE_PASSWORD = "Yw7-database-staple"
SUBJECT = "Ihre vertrauliche Diagnose"
PEOPLE = ("takes", "unknown", "busy", "denied", "spam")
LOG_KEY = "Qp4-log-correct-horse"
SECRETS = [
    LOG_KEY,
    SMTP_PASSWORD,
    DATABASE_PASSWORD,
    base64.b64encode(f"\0{USER}\0{SMTP_PASSWORD}".encode()).decode(),
    SUBJECT,
    *(f"marlene.{who}" for who in PEOPLE),
]


def address(who: str) -> str:
    return f"marlene.{who}@customer.example"


def refuses_spam(attempt: Attempt) -> str | None:
    is_spam = address("spam") in attempt.recipients
    return f"554 5.7.1 {SUBJECT!r} to marlene.spam: this is spam" if is_spam else None


@pytest.fixture
def relay() -> Iterator[FaultyServer]:
    """A relay that repeats all that it is told, and takes the password at the third time only."""
    said = base64.b64encode(f"\0{USER}\0{SMTP_PASSWORD}".encode()).decode()
    with FaultyServer(
        auth=[f"535 5.7.8 {said}: {SMTP_PASSWORD} is wrong", f"535 5.7.8 {SMTP_PASSWORD} is wrong", None],
        rcpt={
            address("unknown"): f"550 5.1.1 <{address('unknown')}>: no marlene.unknown here",
            address("busy"): f"450 4.2.1 <{address('busy')}>: marlene.busy is busy",
            address("denied"): [f"454 4.7.1 <{address('denied')}>: Relay access denied", None],
        },
        end_of_data=refuses_spam,
    ) as relay:
        yield relay


@pytest.fixture
def shop(postgresql_url: str) -> Iterator[Application]:
    with application(postgresql_url) as shop:
        yield shop


def page(port: int, path: str) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=20) as answer:
            return str(answer.read().decode())
    except HTTPError as error:
        return error.read().decode()


@pytest.mark.parametrize("form", ["console", "json", "journald"])
def test_log_metrics_and_command_line_hold_no_secret(
    form: str, postgresql_url: str, shop: Application, relay: FaultyServer, tmp_path: Path
) -> None:
    port = free_port()
    url = make_url(postgresql_url).set(password=DATABASE_PASSWORD).render_as_string(hide_password=False)
    with DatabaseProxy(url) as proxy:
        daemon = RunningDaemon(
            proxy.url(url),
            tmp_path,
            port=relay.port,
            smtp_username=USER,
            smtp_password=SMTP_PASSWORD,
            smtp_allow_plaintext_auth="true",
            metrics_listen=f"127.0.0.1:{port}",
            state_dir=tmp_path,
            log_level="debug",
            log_format=form,
            log_address_key=LOG_KEY,
        )
        for who in PEOPLE:
            shop.enqueue_one(to=address(who), subject=SUBJECT, text="Hello.")
        with daemon:
            wait_until(lambda: shop.counts() == {"sent": 1, "failed": 2, "pending": 2}, "all are judged")
            told = [Path(f"/proc/{daemon.pid}/cmdline").read_text(), page(port, "metrics")]
            proxy.cut(refuse=True)
            wait_until(lambda: "database_up 0.0" in page(port, "metrics"), "the database is missed")
            told += [page(port, path) for path in ("metrics", "healthz", "readyz", "nothing")]
            proxy.admit()
            wait_until(lambda: page(port, "readyz") == "ok\n", "the database is back")
            with shop.engine.begin() as connection:
                connection.execute(text("UPDATE outbox_meta SET environment = 'another'"))
            assert daemon.wait_end() == 78
        log = daemon.log()
    told.append(log)
    assert [(secret, text) for secret in SECRETS for text in told if secret in text] == []
    # And yet it says what has happened.
    for words in ("535 5.7.8", "550 5.1.1", "450 4.2.1", "554 5.7.1", "<address>: Relay access denied"):
        assert words in log, words
    for who in ("unknown", "busy", "spam"):
        assert f"to <address:{tag(address(who), LOG_KEY)}> " in log
    if form == "json":
        lines = [line for line in log.splitlines() if not line.startswith("Error: ")]
        events = {json.loads(line)["event"] for line in lines}
        assert events >= {"delivery_failed", "delivery_deferred", "relay_fault", "database_unavailable"}


def test_who_asks_for_addresses_gets_them_with_the_words_of_the_relay(
    sqlite_url: str, tmp_path: Path, relay: FaultyServer
) -> None:
    with (
        application(sqlite_url) as shop,
        RunningDaemon(
            sqlite_url,
            tmp_path,
            port=relay.port,
            smtp_username=USER,
            smtp_password=SMTP_PASSWORD,
            smtp_allow_plaintext_auth="true",
            log_addresses="true",
        ) as daemon,
    ):
        shop.enqueue_one(to=address("unknown"), subject=SUBJECT, text="Hello.")
        wait_until(lambda: "delivery 1 of message" in daemon.log(), "the failure is told")
        assert f"550 5.1.1 <{address('unknown')}>: no marlene.unknown here" in daemon.log()
        assert SMTP_PASSWORD not in daemon.log()


def test_no_error_shows_the_password_of_a_database_that_cannot_be_reached(tmp_path: Path) -> None:
    for url in (
        f"postgresql://shop:{DATABASE_PASSWORD}@127.0.0.1:{free_port()}/shop",
        f"postgresql://shop@127.0.0.1:{free_port()}/shop?password={DATABASE_PASSWORD}",
    ):
        daemon = RunningDaemon(url, tmp_path, port=free_port())
        daemon.launch()
        assert daemon.wait_end() == 69
        assert "does not answer" in daemon.log()
        assert DATABASE_PASSWORD not in daemon.log()
