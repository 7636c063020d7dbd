"""Every part of a relay can be set."""

import socket
from dataclasses import fields, replace
from pathlib import Path

import pytest

from outbox.delivery.relay import Dsn, Pipelining, Pool, Relay, Secret, TlsMode
from outbox.mail.rate import Limit
from outbox.settings import load
from outbox.settings.make_relay import introduced, refuse_bad_files, relays_of

pytestmark = pytest.mark.usefixtures("no_settings")
_NOT_SET = {"name", "timeouts"}
_USER = {"smtp_username": "u"}


TABLE: list[tuple[dict[str, object], dict[str, object]]] = [
    ({"smtp_host": "a.example", "smtp_port": 26}, {"host": "a.example", "port": 26}),
    ({"smtp_tls": "opportunistic", "smtp_port": 587}, {"tls": TlsMode.OPPORTUNISTIC}),
    ({"smtp_protocol": "lmtp", "smtp_port": 587}, {"lmtp": True}),
    (
        {**_USER, "smtp_password": "p", "smtp_auth": "scram-sha-256"},
        {"username": "u", "password": Secret("p"), "mechanism": "SCRAM-SHA-256"},
    ),
    ({**_USER, "smtp_token_file": "t"}, {"username": "u", "token_file": Path("t")}),
    ({**_USER, "smtp_token_command": "echo t"}, {"username": "u", "token_command": ("echo", "t")}),
    ({"smtp_hello": "me.example"}, {"hello": "me.example"}),
    ({"smtp_tls_name": "cert.example"}, {"tls_name": "cert.example"}),
    ({"smtp_ca_file": "t"}, {"ca_file": Path("t")}),
    (
        {"smtp_client_cert": "t", "smtp_client_key": "t"},
        {"client_cert": Path("t"), "client_key": Path("t")},
    ),
    ({"smtp_allow_plaintext_auth": "true"}, {"allow_plaintext_auth": True}),
    ({"smtp_pipelining": "mail"}, {"pipelining": Pipelining.MAIL}),
    (
        {"smtp_dsn_notify": "failure,delay", "smtp_dsn_return": "full"},
        {"dsn": Dsn(("FAILURE", "DELAY"), full=True)},
    ),
    ({"smtp_dsn_notify": "never"}, {"dsn": Dsn(("NEVER",))}),
    ({"smtp_source": "192.0.2.1"}, {"source": "192.0.2.1"}),
    ({"connections": 7}, {"pool": Pool(7)}),
    ({"smtp_idle": 5}, {"pool": Pool(idle=5)}),
    ({"smtp_age": 60}, {"pool": Pool(age=60)}),
    ({"smtp_mails_per_connection": 9}, {"pool": Pool(mails=9)}),
    ({"smtp_rate": "90/min"}, {"limit": Limit(1.5)}),
    ({"smtp_rate": "2/s", "smtp_burst": 9, "smtp_quota": 50}, {"limit": Limit(2.0, 9, 50)}),
    ({"smtp_idempotency_header": "X-Key"}, {"idempotency_header": "X-Key"}),
]


@pytest.mark.parametrize(("flags", "changed"), TABLE)
def test_a_setting_changes_its_part_of_the_relay_and_no_other(
    flags: dict[str, object], changed: dict[str, object]
) -> None:
    Path("t").touch()
    before, after = (_parts(relays_of(load(**given))[0]) for given in ({}, flags))
    assert {name: value for name, value in after.items() if value != before[name]} == changed


def test_every_field_of_a_relay_is_set_by_that_table() -> None:
    reached = {name for _, changed in TABLE for name in changed}
    assert {field.name for field in fields(Relay)} - _NOT_SET == reached


def test_only_who_connects_asks_the_resolver_for_the_name_of_this_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def answer(name: str = "") -> str:
        asked.append(name)
        return "me.example.org"

    monkeypatch.setattr(socket, "gethostname", lambda: "me")
    monkeypatch.setattr(socket, "getfqdn", answer)
    refuse_bad_files(settings := load(), relays := relays_of(settings))
    assert (asked, settings.smtp_hello) == ([], None)
    assert introduced(relays[0]).hello == "me.example.org"
    assert introduced(replace(relays[0], hello="told.example")).hello == "told.example"
    assert len(asked) == 1


def _parts(relay: Relay) -> dict[str, object]:
    return {part.name: getattr(relay, part.name) for part in fields(relay) if part.name not in _NOT_SET}
