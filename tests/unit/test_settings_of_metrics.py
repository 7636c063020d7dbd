"""Metrics are served on loopback only, and the log is told how it looks."""

from pathlib import Path

import pytest

from outbox.errors import SettingsError
from outbox.settings import load
from outbox.settings.listen import parse_listen

pytestmark = pytest.mark.usefixtures("no_settings")


def fault(**flags: object) -> str:
    with pytest.raises(SettingsError) as caught:
        load(**flags)
    (told,) = caught.value.faults
    return told


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("127.0.0.1:9464", ("127.0.0.1", 9464)),
        ("127.3.2.1:1", ("127.3.2.1", 1)),
        ("localhost:65535", ("127.0.0.1", 65535)),
        ("[::1]:9464", ("::1", 9464)),
    ],
)
def test_loopback_is_taken(given: str, meant: tuple[str, int]) -> None:
    assert load(metrics_listen=given).metrics_listen == given
    assert parse_listen(given) == meant


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "[::]", "[2001:db8::1]"])  # noqa: S104 - refused
def test_what_others_could_reach_is_refused(host: str) -> None:
    told = fault(metrics_listen=f"{host}:9464")
    assert told.startswith(f"metrics_listen (flag --metrics-listen): {host.strip('[]')} is not loopback, ")
    assert "Give an address of this host alone and a port, such as 127.0.0.1:9464 or [::1]:9464" in told


@pytest.mark.parametrize(
    "given",
    ["9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "[::1]:\u0663", ":9464"],
)
def test_what_names_no_address_and_port_is_refused(given: str) -> None:
    assert "Give an address of this host alone and a port, " in fault(metrics_listen=given)


def test_a_name_that_dns_decides_on_is_refused() -> None:
    assert "'mx.example.org:9464' names no IP address" in fault(metrics_listen="mx.example.org:9464")


def test_nothing_is_served_and_no_address_logged_by_default() -> None:
    settings = load()
    assert (settings.metrics_listen, settings.log_format, settings.log_addresses) == (None, "auto", False)


def test_the_key_of_the_log_is_a_secret_of_some_length(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().log_address_key is None
    monkeypatch.setenv("OUTBOX_LOG_ADDRESS_KEY", "0123456789abcdef")
    loaded = load()
    assert loaded.log_address_key is not None
    assert loaded.log_address_key.get_secret_value() == "0123456789abcdef"
    assert "0123456789abcdef" not in repr(loaded)
    monkeypatch.setenv("OUTBOX_LOG_ADDRESS_KEY", "0123456789abcde")
    assert fault() == (
        "log_address_key (environment OUTBOX_LOG_ADDRESS_KEY): not usable: the value is not shown. "
        "Give at least 16 random characters, such as openssl rand -hex 32 prints."
    )


def test_words_are_taken_in_any_case() -> None:
    Path("outbox.toml").write_text('log_format = "JSON"\nlog_level = "debug"\nlog_addresses = true\n')
    settings = load()
    assert (settings.log_format, settings.log_level, settings.log_addresses) == ("json", "DEBUG", True)


def test_another_form_of_the_log_is_refused() -> None:
    assert fault(log_format="xml").endswith("'xml'. Give auto, console, json or journald.")
