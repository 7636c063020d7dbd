"""The daemon under a systemd that was booted for it: start, reload, watchdog, stop, and its sandbox."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from outbox.journal.folder import boot_id
from outbox.testing import FaultyServer
from tests.support.machine import USERS, Machine
from tests.support.waiting import wait_until
from tests.systemd.conftest import Service

pytestmark = pytest.mark.interop

OUTBOX = "/opt/outbox/.venv/bin/outbox"


@pytest.fixture
def relay() -> Iterator[FaultyServer]:
    """Give a relay as it should be."""
    with FaultyServer() as relay:
        yield relay


def test_it_is_ready_after_its_first_look_and_shows_how_it_does(
    machine: Machine, relay: FaultyServer
) -> None:
    password = machine.etc / "start.smtp_password"
    password.write_text("secret")
    password.chmod(0o600)
    credential = "LoadCredential=outbox_smtp_password:/etc/outbox/start.smtp_password"
    with Service(machine, "start", relay.port, credential) as service:
        service.tell(smtp_username="shop", smtp_allow_plaintext_auth="true")
        service.app.enqueue(2)
        service.wedge("hold")
        service.do("start", "--no-block")
        wait_until(lambda: "sends through" in service.journal(), "its session has begun")
        assert service.shown("ActiveState") == "activating"
        service.let_go()
        service.wait_shown("ActiveState", "active")
        service.app.wait_sent(2)
        service.wait_status(f"queue empty; 127.0.0.1:{relay.port} is idle")
        status = machine.call("systemctl", "status", service.unit)
        assert f'Status: "queue empty; 127.0.0.1:{relay.port} is idle"' in status
        headers = [path.read_bytes() for path in (service.state / "journal").glob("*.journal")]
        assert boot_id().encode() in headers[0], "else a killed daemon's journal would not be believed"


def test_a_reload_takes_good_settings_and_leaves_bad_ones(machine: Machine, relay: FaultyServer) -> None:
    with Service(machine, "reload", relay.port) as service, FaultyServer() as other:
        service.do("start")
        pid = service.shown("MainPID")
        service.tell(smtp_port=other.port)
        service.do("reload")
        service.wait_status(f"127.0.0.1:{other.port} is idle")
        service.app.enqueue(1)
        service.app.wait_sent(1)
        service.tell("smtp_prot = 25")
        service.do("reload")
        service.wait_status("refused: smtp_prot (/etc/outbox/reload.toml): there is no such setting")
        assert "those in use stay: smtp_prot" in service.journal()
        service.app.enqueue(1)
        service.app.wait_sent(2)
        assert (len(relay.mails), len(other.mails)) == (0, 2)
        service.wait_shown("SubState", "running")
        assert (service.shown("MainPID"), service.shown("NRestarts")) == (pid, "0")


def test_fault_79_the_watchdog_ends_a_loop_that_is_blocked_and_one_that_waits_for_nothing(
    machine: Machine, relay: FaultyServer
) -> None:
    with ExitStack() as stack:
        services = {how: stack.enter_context(Service(machine, how, relay.port)) for how in ("block", "wait")}
        for how, service in services.items():
            service.do("start")
            service.wedge(how)
        for service in services.values():
            service.wait_shown("NRestarts", "1")
            service.wait_shown("ActiveState", "active")
            service.app.enqueue(1)
            service.app.wait_sent(1)
        assert len(relay.mails) == 2
        assert "the loop has been stuck for more than 1 s" in services["wait"].journal()
        for service in services.values():
            assert "Watchdog timeout (limit 3s)!" in service.journal()
            assert "Fatal Python error: Aborted" in service.journal(), "and where each thread stood"
        assert "sitecustomize.py" in services["block"].journal(), "where it was blocked"


def test_fault_79_the_watchdog_leaves_a_daemon_alone_whose_database_is_away(
    machine: Machine, relay: FaultyServer
) -> None:
    with Service(machine, "away", relay.port) as service:
        service.do("start")
        pid = service.shown("MainPID")
        with closing(sqlite3.connect(service.state / "outbox.sqlite3", isolation_level=None)) as somebody:
            service.wedge("hold")
            service.app.enqueue(1)
            somebody.execute("BEGIN IMMEDIATE")
            service.let_go()
            # To give a claim up takes ten seconds, three times what the watchdog waits.
            service.wait_status("the database fails")
            somebody.execute("ROLLBACK")
        service.app.wait_sent(1)
        wait_until(lambda: "fails" not in service.shown("StatusText"), "it shows that all is well")
        assert (service.shown("MainPID"), service.shown("NRestarts")) == (pid, "0")


def test_a_stop_waits_for_the_answer_to_a_dot_and_the_mail_goes_once(machine: Machine) -> None:
    thinks, may_answer = threading.Event(), threading.Event()

    def think(_: object) -> None:
        thinks.set()
        assert may_answer.wait(60)

    with FaultyServer(end_of_data=think) as relay, Service(machine, "stop", relay.port) as service:
        service.do("start")
        service.app.enqueue(1)
        assert thinks.wait(30)
        service.do("stop", "--no-block")
        service.wait_status("stopping, 1 connections finish what has begun")
        assert service.shown("ActiveState") == "deactivating"
        may_answer.set()
        service.wait_shown("ActiveState", "inactive")
        assert (service.shown("Result"), service.shown("ExecMainStatus")) == ("success", "0")
        assert service.app.counts() == {"sent": 1}
        assert service.app.scalar("SELECT count(*) FROM outbox_attempt") == 0
        assert len(relay.attempts) == len(relay.mails) == 1


def test_an_sqlite_file_is_shared_with_an_application_by_a_group(
    machine: Machine, relay: FaultyServer
) -> None:
    data = machine.srv / "data"
    data.mkdir()
    data.chmod(0o2770)
    os.chown(data, USERS["app"], USERS["app"])
    settings = {"OUTBOX_DATABASE_URL": "sqlite:////srv/data/app.sqlite3"}
    drop_in = ("ReadWritePaths=/srv/data", "SupplementaryGroups=app")
    machine.call(OUTBOX, "db", "upgrade", user="app", environment=settings)
    (data / "app.sqlite3").chmod(0o660)  # SQLite gives its other files the mode of this one
    with Service(machine, "shared", relay.port, *drop_in) as service:
        service.tell(database_url=settings["OUTBOX_DATABASE_URL"])
        service.do("start")
        # Into files beside it that the daemon has made.
        mail = ("send", "--from", "shop@example.org", "--to", "ada@example.org", "--text", "Tea.")
        machine.call(OUTBOX, *mail, user="app", environment=settings)
        relay.wait_until(lambda: len(relay.mails) == 1)
        service.do("stop")
    with closing(sqlite3.connect(data / "app.sqlite3")) as everybody:
        assert everybody.execute("SELECT status FROM outbox_delivery").fetchall() == [("sent",)]
