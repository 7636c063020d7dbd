"""`outbox send --straight` sends by the daemon's own code, and tells what the relay says."""

from pathlib import Path

import dkim
import pytest

from outbox.testing import FaultyServer
from tests.support.calling import call, refused
from tests.support.signatures import keyed
from tests.support.tls import Authority
from tests.support.waiting import free_port

pytestmark = pytest.mark.usefixtures("alone")
MAIL = ("send", "--straight", "--from", "shop@example.org", "--subject", "Tea", "--text", "Hot.")
ADA, BOB = ("--to", "ada@example.org"), ("--to", "bob@example.org")


def relay(port: int, monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    given = {"smtp_host": "127.0.0.1", "smtp_port": str(port), "smtp_tls": "none", "relay_name": "main"}
    for name, told in (given | settings).items():
        monkeypatch.setenv(f"OUTBOX_{name.upper()}", told)


def test_the_mail_arrives_over_tls_with_a_login_and_no_database_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    with FaultyServer(tls=authority.server_context()) as server:
        relay(server.port, monkeypatch, smtp_tls="starttls", smtp_ca_file=str(authority.ca_file))
        monkeypatch.setenv("OUTBOX_SMTP_USERNAME", "shop")
        monkeypatch.setenv("OUTBOX_SMTP_PASSWORD", "geheim")
        done = call(*MAIL, *ADA, *BOB)
        port = server.port
        (mail,) = server.mails
    session, *answers = done.stdout.splitlines()
    assert (done.exit_code, session) == (0, f"main: 127.0.0.1:{port}, TLSv1.3, logged in as shop")
    assert [line.partition(": 250 ")[0] for line in answers] == [
        "ada@example.org: sent",
        "bob@example.org: sent",
    ]
    assert mail.recipients == ["ada@example.org", "bob@example.org"]
    assert "geheim" not in done.output
    assert not Path("outbox.sqlite3").exists()


@pytest.mark.parametrize(
    ("faults", "expected", "words"),
    [
        ({"rcpt": {"bob@example.org": "550 5.1.1 nobody"}}, 69, "bob@example.org: refused for good: "),
        ({"rcpt": {"bob@example.org": "450 4.2.1 busy"}}, 75, "bob@example.org: refused for now: "),
        ({"end_of_data": "554 5.6.0 no"}, 69, "ada@example.org: refused for good: "),
        ({"mail": "530 5.7.0 Authentication required"}, 69, "give smtp_username and smtp_password"),
    ],
)
def test_what_the_relay_refuses_is_told_by_recipient(
    faults: dict[str, object], expected: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultyServer(**faults) as server:  # type: ignore[arg-type] # by name
        relay(server.port, monkeypatch)
        done = call(*MAIL, *ADA, *BOB)
    assert (done.exit_code, words in done.stdout) == (expected, True), done.output
    assert "Not every recipient was sent to" in done.stderr


def test_a_relay_that_is_away_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    relay(free_port(), monkeypatch)
    done = call(*MAIL, *ADA)
    assert done.exit_code == 69
    assert "refuses connections: is the server running, and smtp_port right?" in done.stdout


def test_a_relay_of_few_recipients_gets_the_rest_in_another_transaction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with FaultyServer(extensions=("LIMITS RCPTMAX=1",), most_recipients=1) as server:
        relay(server.port, monkeypatch)
        done = call(*MAIL, *ADA, *BOB)
        assert [mail.recipients for mail in server.mails] == [["ada@example.org"], ["bob@example.org"]]
        assert server.connections == 1
    assert done.exit_code == 0, done.output


def test_it_is_signed_as_the_daemon_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    pem, key = keyed()
    Path("s1.pem").write_bytes(pem)
    Path("s1.pem").chmod(0o600)
    monkeypatch.setenv("OUTBOX_DKIM", '[{"domain": "example.org", "selector": "s1", "key": "s1.pem"}]')
    with FaultyServer() as server:
        relay(server.port, monkeypatch)
        assert call(*MAIL, *ADA).exit_code == 0
        (mail,) = server.mails
    record = b"v=DKIM1; k=rsa; p=" + key.public
    assert dkim.verify(mail.content, dnsfunc=lambda *_, **__: record)


def test_a_test_system_writes_to_nobody_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_ALLOWED_DOMAINS", "staging.example")
    with FaultyServer() as server:
        relay(server.port, monkeypatch)
        code, said = refused(*MAIL, *ADA)
        assert (code, "ada@example.org is not written to" in said) == (78, True)
        monkeypatch.setenv("OUTBOX_REDIRECT_ALL_TO", "qa@staging.example")
        assert call(*MAIL, *ADA, *BOB).exit_code == 0
        assert [mail.recipients for mail in server.mails] == [["qa@staging.example"]]


def test_it_goes_by_the_relay_of_its_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultyServer() as usual, FaultyServer() as bulk:
        Path("outbox.toml").write_text(
            f'[relays.usual]\nurl = "smtp://127.0.0.1:{usual.port}"\n'
            f'[relays.bulk]\nurl = "smtp://127.0.0.1:{bulk.port}"\n'
            '[streams.default]\nrelay = "usual"\n[streams.news]\nrelay = "bulk"\n'
        )
        assert call(*MAIL, *ADA, "--stream", "news").exit_code == 0
        assert (len(usual.mails), len(bulk.mails)) == (0, 1)
    monkeypatch.setenv("OUTBOX_CONFIG", "other.toml")
    Path("other.toml").write_text('relay_name = "ses"\n[streams.news]\nrelay = "mx"\n')
    code, said = refused(*MAIL, *ADA, "--stream", "news")
    assert (code, "no relay of these settings takes 'news'" in said) == (78, True)


@pytest.mark.parametrize(
    "option",
    [
        ("--key", "k"),
        ("--wait", "1"),
        ("--send-at", "2030-01-31T09:00:00+01:00"),
        ("--database-url", "sqlite:///x"),
    ],
)
def test_what_is_about_the_queue_is_refused(option: tuple[str, str]) -> None:
    code, said = refused(*MAIL, *ADA, *option)
    assert (code, f"{option[0]} is about the queue" in said) == (64, True)
