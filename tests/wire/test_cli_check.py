"""`outbox check` tries what the daemon needs, each thing by itself, and its exit code says what to do."""

import datetime as dt
import json
from pathlib import Path

import pytest

from outbox.checks import relay as relay_check
from outbox.delivery.dkim.record import record_name, record_text
from outbox.journal.folder import Folder
from outbox.smtp.stage import Timeouts
from outbox.testing import FaultyServer, stall
from tests.support.calling import call, value
from tests.support.name_server import name_server
from tests.support.signatures import keyed
from tests.support.tls import Authority
from tests.support.waiting import free_port

pytestmark = pytest.mark.usefixtures("alone")
SECRET = "geheim"

Found = dict[str, tuple[str, str]]


def check(*args: str) -> tuple[int, Found]:
    """Run it; return its exit code, and level and words by subject."""
    done = call("check", "--json", *args)
    assert SECRET not in done.output
    assert done.stderr == ""
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    found = {row["subject"]: (row["level"], f"{row['says']}. {row['remedy']}") for row in rows}
    assert len(found) == len(rows), "a subject was told twice"
    return done.exit_code, found


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    authority = Authority(tmp_path)
    monkeypatch.setenv("OUTBOX_SMTP_CA_FILE", str(authority.ca_file))
    return authority


def log_in_at(port: int, monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    given = {"smtp_host": "127.0.0.1", "smtp_port": str(port), "relay_name": "main"}
    given |= {"smtp_username": "shop", "smtp_password": SECRET}
    for name, told in (given | settings).items():
        monkeypatch.setenv(f"OUTBOX_{name.upper()}", told)


@pytest.mark.usefixtures("outbox_here")
def test_where_all_is_well_each_thing_is_told_and_it_ends_with_0(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem, key = keyed()
    Path("s1.pem").write_bytes(pem)
    Path("s1.pem").chmod(0o600)
    Path("journal").mkdir(mode=0o700)
    Path("outbox.sqlite3").chmod(0o660)
    monkeypatch.setenv("OUTBOX_STATE_DIR", "journal")
    monkeypatch.setenv("OUTBOX_SENDER", "Shop <shop@example.org>")
    monkeypatch.setenv("OUTBOX_DKIM", '[{"domain": "example.org", "selector": "s1", "key": "s1.pem"}]')
    records = {
        "example.org": ["v=spf1 mx -all"],
        "_dmarc.example.org": ["v=DMARC1; p=none"],
        record_name("example.org", "s1"): [record_text(key)],
    }
    tls = authority.server_context()
    with (
        name_server(records) as dns,
        FaultyServer(tls=tls, extensions=("PIPELINING", "SIZE 52428800", "AUTH PLAIN")) as server,
    ):
        log_in_at(server.port, monkeypatch)
        code, found = check("--nameserver", "127.0.0.1", "--port", str(dns))
        assert server.attempts == []
    warned = {name: told for name, told in found.items() if told[0] != "ok"}
    # Of the test's own machine: its SQLite, and that nobody runs a daemon.
    assert set(warned) <= {"database, library", "daemons"}
    assert code == 0
    assert set(found) >= {
        "settings", "database", "database, version", "database, clock", "database, tables",
        "database, journal mode", "database, file", "database, room", "environment", "restore", "daemons",
        "journal", "relay main, address", "relay main, connection", "relay main, TLS",
        "relay main, certificate", "relay main, EHLO", "relay main, AUTH", "relay main, size",
        "SPF of example.org", "DKIM of example.org, s1", "DMARC of example.org",
    }  # fmt: skip
    assert "TLSv1.3, verified for 127.0.0.1" in found["relay main, TLS"][1]
    assert "shop is let in" in found["relay main, AUTH"][1]


@pytest.mark.usefixtures("outbox_here")
def test_people_get_one_line_each_and_a_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("OUTBOX_SMTP_PORT", str(free_port()))
    done = call("check")
    *lines, empty, total = done.stdout.splitlines()
    assert (done.exit_code, empty) == (69, "")
    assert "ok           database, tables: version" in "\n".join(lines)
    (fault,) = [line for line in lines if line.startswith("FAULT")]
    assert ", connection: connect: 127.0.0.1:" in fault
    assert "refuses connections" in fault
    assert ", 1 FAULT, " in total


@pytest.mark.usefixtures("outbox_here")
@pytest.mark.parametrize(
    ("faults", "tls", "subject", "words", "expected"),
    [
        ({"greeting": "421 4.3.2 away"}, True, "greeting", "421 4.3.2 away", 69),
        ({"ehlo": "550 5.7.1 you are blocked"}, True, "EHLO", "you are blocked", 78),
        ({"auth": "535 5.7.8 bad"}, True, "AUTH", "look at smtp_username", 78),
        ({"auth": "454 4.7.0 later"}, True, "AUTH", "454 4.7.0 later", 69),
        ({"starttls": "454 4.7.0 no key"}, True, "TLS", "454 4.7.0 no key", 69),
        ({}, False, "TLS", "does not offer STARTTLS", 78),
    ],
)
def test_what_a_relay_refuses_is_told_at_its_step_and_the_rest_was_not_reached(
    faults: dict[str, str],
    tls: bool,  # noqa: FBT001 - a parameter of pytest
    subject: str,
    words: str,
    expected: int,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with FaultyServer(**faults, tls=authority.server_context() if tls else None) as server:  # type: ignore[arg-type] # by name
        log_in_at(server.port, monkeypatch)
        code, found = check()
    assert code == expected
    level, said = found[f"relay main, {subject}"]
    assert (level, words in said) == ("fault", True), said
    rest = [name for name, told in found.items() if name.startswith("relay main") and told[0] == "unchecked"]
    assert [name.endswith(", size") for name in rest] == [True]
    # One that fails hides no other.
    assert found["database, tables"][0] == "ok"


@pytest.mark.usefixtures("outbox_here")
@pytest.mark.parametrize(("days", "level"), [(20, "warning"), (40, "ok")])
def test_a_certificate_is_warned_of_three_weeks_before_its_end(
    days: int, level: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = dt.datetime.now(dt.UTC) + dt.timedelta(days=days, hours=1)
    with FaultyServer(tls=authority.server_context(not_after=end)) as server:
        log_in_at(server.port, monkeypatch)
        code, found = check()
    told = found["relay main, certificate"]
    assert (code, told[0]) == (0, level)
    assert f"ends in {days} days, on {end:%Y-%m-%d}" in told[1]


@pytest.mark.usefixtures("outbox_here")
def test_a_certificate_that_has_ended_is_a_fault(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultyServer(tls=authority.server_context(expired=True)) as server:
        log_in_at(server.port, monkeypatch)
        code, found = check()
    assert code == 78
    assert "expired on 2020-01-01" in found["relay main, TLS"][1]


@pytest.mark.usefixtures("outbox_here")
def test_a_relay_for_smaller_mails_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultyServer(extensions=("SIZE 1000",)) as server:
        monkeypatch.setenv("OUTBOX_SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("OUTBOX_SMTP_PORT", str(server.port))
        monkeypatch.setenv("OUTBOX_SMTP_TLS", "none")
        _, found = check()
    assert [told[0] for name, told in found.items() if name.endswith(", size")] == ["warning"]
    assert "OUTBOX_MAX_SIZE=1000" in next(told[1] for name, told in found.items() if name.endswith(", size"))


@pytest.mark.usefixtures("outbox_here")
def test_a_relay_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_check, "TIMEOUTS", Timeouts(connect=5, command=0.1))
    with FaultyServer(greeting=stall) as server:
        log_in_at(server.port, monkeypatch)
        code, found = check()
    assert code == 69
    assert "no answer within 0.1 seconds" in found["relay main, greeting"][1]


def test_each_of_several_relays_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultyServer() as server:
        tables = {
            "up": {"url": f"smtp://127.0.0.1:{server.port}"},
            "down": {"url": f"smtp://127.0.0.1:{free_port()}"},
        }
        monkeypatch.setenv("OUTBOX_RELAYS", json.dumps(tables))
        monkeypatch.setenv("OUTBOX_STREAMS", '{"default": {"relay": ["up", "down"]}}')
        _, found = check()
    assert found["relay up, EHLO"][0] == "ok"
    assert found["relay down, connection"][0] == "fault"
    assert found["database"][0] == "fault"


def test_settings_that_cannot_be_used_are_all_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_SMTP_PRT", SECRET)
    done = call("check")
    assert done.exit_code == 78
    first, second, *_ = done.stdout.splitlines()
    assert first == (
        "FAULT        settings: OUTBOX_SMTP_PRT (environment): there is no such setting. "
        "Did you mean OUTBOX_SMTP_PORT?"
    )
    assert second == "not checked  all else: it needs settings that can be used"


@pytest.mark.usefixtures("outbox_here")
def test_a_missing_password_hides_nothing_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("outbox.sqlite3").chmod(0o660)
    monkeypatch.setenv("OUTBOX_SMTP_USERNAME", "shop")
    code, found = check()
    assert code == 78
    assert "AUTH takes a password or a token beside the name" in found["settings"][1]
    assert found["database"][0] == "ok"
    assert "journal" in found
    assert found["relays, SPF, DKIM and DMARC"][0] == "unchecked"


def test_dns_that_fails_says_nothing_of_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_SENDER", "shop@example.org")
    with name_server({}, failing=frozenset({"example.org"})) as dns:
        _, found = check("--nameserver", "127.0.0.1", "--port", str(dns))
    assert found["SPF of example.org"][0] == "warning"
    assert "DNS gave no answer" in found["SPF of example.org"][1]
    assert "there is no record" in found["DMARC of example.org"][1]


@pytest.mark.parametrize(
    ("mode", "path", "level", "words"),
    [
        (0o700, "journal", "ok", "no daemon works in it"),
        (0o755, "journal", "warning", "is open to others (drwxr-xr-x)"),
        (0o700, "journal/new", "ok", "the daemon makes it"),
        (0o700, "journal/new/newer", "fault", "mkdir -p"),
        (0o700, "file", "fault", "is no directory"),
    ],
)
def test_the_directory_of_the_journal(
    mode: int, path: str, level: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("journal").mkdir()
    Path("journal").chmod(mode)
    Path("file").touch()
    monkeypatch.setenv("OUTBOX_STATE_DIR", path)
    _, found = check()
    told = [told for name, told in found.items() if name.startswith("journal")]
    assert (told[-1][0], words in told[-1][1]) == (level, True), told


def test_a_daemon_in_the_directory_is_seen_and_not_disturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_STATE_DIR", "journal")
    folder = Folder(Path("journal"))
    _, found = check()
    folder.close()
    assert "a daemon works in it" in found["journal"][1]
    assert [*Path("journal").iterdir()] == []


@pytest.mark.usefixtures("outbox_here")
def test_what_a_person_has_to_do_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    value("UPDATE outbox_meta SET restored_at = '2026-01-01 00:00:00.000000', epoch = 1, environment = 'b'")
    monkeypatch.setenv("OUTBOX_ENVIRONMENT", "a")
    code, found = check()
    assert code == 78
    assert "outbox db confirm-restore" in found["restore"][1]
    assert found["environment"][0] == "fault"
