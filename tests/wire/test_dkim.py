"""What a real daemon puts on the wire verifies, and each attempt is signed by the key of its day."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from outbox.delivery.dkim.key import Kind
from outbox.delivery.dkim.signature import Signatory
from tests.support.calling import CHECKOUT, refused
from tests.support.daemon import RunningDaemon, application
from tests.support.scripted import Peer, scripted
from tests.support.signatures import keyed, records, verified
from tests.support.unstuffing import take_message
from tests.support.waiting import wait_until

BODY = ".\n..two \t\nGrüße\n\n\n"


def key_file(folder: Path, selector: str, kind: Kind, bits: int = 2048) -> tuple[dict[str, str], Signatory]:
    """Write a key of example.org; return its table in the settings, and who signs by it."""
    pem, key = keyed(kind, bits)
    path = folder / f"{selector}.pem"
    path.write_bytes(pem)
    path.chmod(0o600)
    table = {"domain": "example.org", "selector": selector, "key": str(path)}
    return table, Signatory("example.org", selector, key)


def as_received(heard: bytes) -> bytes:
    """Return a message as a server keeps it, its dots unstuffed."""
    return take_message(heard + b".\r\n")[0]


def test_the_relay_gets_a_mail_whose_two_signatures_are_good(sqlite_url: str, tmp_path: Path) -> None:
    (rsa, first), (ed25519, second) = (key_file(tmp_path, str(kind), kind) for kind in Kind)
    heard: list[bytes] = []

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        heard.append(peer.take_mail())
        peer.take_quit()

    with scripted(server) as relay, application(sqlite_url) as app:
        app.enqueue(1, body=BODY)
        keys = json.dumps([rsa, ed25519])
        with RunningDaemon(sqlite_url, tmp_path, port=relay.port, connections=1, dkim=keys) as daemon:
            app.wait_sent(1)
            assert daemon.terminate() == 0
    (mail,) = heard
    assert verified(as_received(mail), records([first, second])) == [True, True]


def test_the_second_attempt_is_signed_by_the_new_key(sqlite_url: str, tmp_path: Path) -> None:
    old, first = key_file(tmp_path, "old", Kind.RSA, 1024)
    new, second = key_file(tmp_path, "new", Kind.RSA)
    heard: list[bytes] = []

    def deferring(peer: Peer) -> None:
        peer.greet("PIPELINING")
        heard.append(peer.take_mail("451 4.3.0 later"))
        peer.take_quit()

    def taking(peer: Peer) -> None:
        peer.greet("PIPELINING")
        heard.append(peer.take_mail())
        peer.take_quit()

    with scripted(deferring, taking) as relay, application(sqlite_url) as app:
        app.enqueue(1)
        with RunningDaemon(
            sqlite_url, tmp_path, port=relay.port, connections=1, dkim=json.dumps([old])
        ) as daemon:
            wait_until(lambda: app.scalar("SELECT attempts FROM outbox_delivery") == 1, "the mail is put off")
            assert daemon.terminate() == 0
            assert "the DKIM key old of example.org has 1024 bits" in daemon.log()
        with app.engine.begin() as connection:
            connection.execute(text("UPDATE outbox_delivery SET due_at = '2026-01-01 00:00:00.000000'"))
        with RunningDaemon(
            sqlite_url, tmp_path, port=relay.port, connections=1, dkim=json.dumps([new])
        ) as daemon:
            app.wait_sent(1)
            assert daemon.terminate() == 0
            assert "the DKIM key" not in daemon.log()
    by_old, by_new = map(as_received, heard)
    assert verified(by_old, records([first])) == [True]
    assert verified(by_new, records([second])) == [True]
    assert b"s=old" not in by_new


@pytest.mark.usefixtures("alone")
def test_keys_that_cannot_sign_end_the_daemon_before_it_begins_and_all_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    open_to_all, _ = key_file(tmp_path, "s1", Kind.ED25519)
    Path(open_to_all["key"]).chmod(0o644)
    gone = open_to_all | {"selector": "s2", "key": "gone.pem"}
    monkeypatch.setenv("OUTBOX_DKIM", json.dumps([open_to_all, gone]))
    code, said = refused("run")
    assert code == 78
    assert "dkim: s1 of example.org: the key" in said
    assert "dkim: s2 of example.org: the key gone.pem cannot be read: No such file or directory. Give" in said


def test_a_daemon_without_keys_loads_no_cryptography() -> None:
    script = "import sys, outbox.cli.run; print('cryptography' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=CHECKOUT
    )
    assert done.stdout == "False\n"
