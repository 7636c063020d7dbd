"""`outbox dkim` makes keys that sign, prints their records, and tells by DNS what verifiers will say."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from outbox.delivery.dkim import lookup
from outbox.delivery.dkim.key import Kind, read_key
from outbox.delivery.dkim.record import record_name, record_text
from outbox.settings import load
from outbox.settings.dkim import DkimKey
from tests.support.calling import CHECKOUT, call, refused
from tests.support.name_server import name_server
from tests.support.signatures import keyed

pytestmark = pytest.mark.usefixtures("alone")
NAMED = ("--domain", "example.org", "--selector", "s1")
NAME = record_name("example.org", "s1")


@pytest.fixture
def key() -> tuple[str, ...]:
    """Make a key, and give the options that name it."""
    made = call("dkim", "keygen", *NAMED, "--type", "ed25519", "--out", "s1.pem")
    assert made.exit_code == 0, made.output
    return (*NAMED, "--key", "s1.pem")


def publish(key: tuple[str, ...]) -> str:
    return record_text(read_key(Path(key[-1])))


@pytest.mark.parametrize(
    ("options", "kind", "bits"),
    [
        ((), Kind.RSA, 2048),
        (("--bits", "1024"), Kind.RSA, 1024),
        (("--type", "ed25519"), Kind.ED25519, 256),
    ],
)
def test_a_new_key_is_for_its_owner_and_comes_with_its_record_and_its_settings(
    options: tuple[str, ...], kind: Kind, bits: int
) -> None:
    before = os.umask(0)
    try:
        made = call("dkim", "keygen", *NAMED, *options, "--out", "s1.pem")
    finally:
        os.umask(before)
    path = Path("s1.pem")
    assert path.stat().st_mode & 0o777 == 0o600
    key = read_key(path)
    assert (key.kind, key.bits) == (kind, bits)
    told = made.stderr.splitlines()
    assert told[0] == "Written: s1.pem, for its owner only: let that be the daemon's user."
    assert [line for line in told[1:] if line] == [
        "Publish this record in DNS, and wait until outbox dkim check finds it:",
        "Then put this into outbox.toml, and reload the daemon:",
    ]
    record, empty, *table = made.stdout.splitlines()
    assert (record + "\n", empty) == (call("dkim", "dns", *NAMED, "--key", "s1.pem").stdout, "")
    Path("outbox.toml").write_text("\n".join(table))
    assert load().dkim == (DkimKey("example.org", "s1", path.absolute()),)
    assert "".join(record.partition('"')[2].split('"')[::2]) == record_text(key)


def test_to_make_a_key_no_other_setting_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_SMTP_USERNAME", "shop")
    assert call("dkim", "keygen", *NAMED, "--type", "ed25519", "--out", "s1.pem").exit_code == 0
    assert call("dkim", "dns", *NAMED, "--key", "s1.pem").exit_code == 0


def test_no_key_is_written_over_another(key: tuple[str, ...]) -> None:
    before = Path(key[-1]).read_bytes()
    code, said = refused("dkim", "keygen", *NAMED, "--out", "s1.pem")
    assert (code, said) == (64, "Error: --out: there is a file s1.pem already. Give another name.\n")
    assert before == Path(key[-1]).read_bytes()


@pytest.mark.parametrize(
    ("args", "expected", "words"),
    [
        (
            ("keygen", *NAMED, "--out", "gone/s1.pem"),
            64,
            "--out: gone/s1.pem cannot be written: No such file",
        ),
        (("keygen", "--domain", "a b", "--selector", "s1", "--out", "x"), 78, "--domain: 'a b' is no domain"),
        (("keygen", *NAMED), 64, "--out"),
        (("dns",), 78, "the settings name no key"),
        (("dns", *NAMED), 64, "Give --domain, --selector and --key together"),
        (("check", "--nameserver", "dns.example"), 64, "'dns.example' is no IP address. Give one"),
        (("check", *NAMED, "--key", "gone.pem"), 78, "the key gone.pem cannot be read"),
    ],
)
def test_a_call_that_cannot_be_meant_names_what_to_give(
    args: tuple[str, ...], expected: int, words: str
) -> None:
    code, said = refused("dkim", *args)
    assert (code, words in said) == (expected, True), said


def test_the_keys_of_the_settings_are_checked(key: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    pem, rsa = keyed()
    Path("r1.pem").write_bytes(pem)
    Path("r1.pem").chmod(0o600)
    tables = [("s1", "s1.pem"), ("r1", "r1.pem")]
    keys = [{"domain": "example.org", "selector": name, "key": file} for name, file in tables]
    monkeypatch.setenv("OUTBOX_DKIM", json.dumps(keys))
    other = record_name("example.org", "r1")
    with name_server({NAME: [publish(key)], other: [record_text(rsa)]}) as port:
        done = call("dkim", "check", "--nameserver", "127.0.0.1", "--port", str(port))
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        f"OK: {NAME}: the record fits the key (ed25519-sha256)",
        f"OK: {other}: the record fits the key (rsa-sha256)",
    ]


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (None, "there is no record"),
        ([], "there is no record"),
        (["{}", "{}"], "there are several records"),
        (["v=DKIM1; k=ed25519; p="], "revokes the key"),
        (["v=DKIM1; k=ed25519; p=AAAA"], "holds another key"),
        (["v=DKIM1; p=AAAA"], "the k= of the record is not the kind of the key"),
        (["{}; t=y"], "the record says t=y"),
    ],
)
def test_a_record_that_does_not_fit_ends_with_78(
    texts: list[str] | None, words: str, key: tuple[str, ...]
) -> None:
    records = (
        {} if texts is None else {NAME: [text.format(publish(key)) + " " * n for n, text in enumerate(texts)]}
    )
    with name_server(records) as port:
        code, said = refused("dkim", "check", *key, "--nameserver", "127.0.0.1", "--port", str(port))
    assert code == 78
    assert said.startswith(f"Error: {NAME}: ")
    assert words in said


def test_a_dns_that_fails_says_nothing_of_the_record_and_ends_with_75(key: tuple[str, ...]) -> None:
    with name_server({}, failing=frozenset({NAME})) as port:
        code, said = refused("dkim", "check", *key, "--nameserver", "127.0.0.1", "--port", str(port))
    assert code == 75
    assert said.startswith("Error: DNS gave no answer: ")


def test_a_dns_that_says_nothing_is_told_once(key: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "_PATIENCE", 0.01)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = str(silent.getsockname()[1])
        code, said = refused("dkim", "check", *key, "--nameserver", "127.0.0.1", "--port", port)
    assert code == 75
    assert "answer: 127.0.0.1 did not answer within 0.01 seconds. Try again later" in said


def test_the_help_loads_neither_cryptography_nor_dns() -> None:
    script = (
        "import sys, outbox.cli.dkim\n"
        "print([name for name in ('cryptography', 'dns') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=CHECKOUT
    )
    assert done.stdout == "[]\n"
