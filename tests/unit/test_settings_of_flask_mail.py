"""Flask-Mail's variables name the relay where nothing of ours does, as a whole, and say where they cannot."""

import pytest

from outbox.errors import SettingsError
from outbox.settings import load
from outbox.settings.sources import load_with_origins

pytestmark = pytest.mark.usefixtures("no_settings")


def given(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def faults() -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load()
    return caught.value.faults


def test_the_variables_of_flask_mail_are_the_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    given(
        monkeypatch,
        MAIL_SERVER="mail.example.org",
        MAIL_PORT="2525",
        MAIL_USE_TLS="True",
        MAIL_USERNAME="shop",
        MAIL_PASSWORD="geheim",
        MAIL_DEFAULT_SENDER="Shop <shop@example.org>",
        MAIL_MAX_EMAILS="20",
    )
    loaded = load_with_origins()
    told = loaded.settings
    assert (told.smtp_host, told.smtp_port, told.smtp_tls) == ("mail.example.org", 2525, "starttls")
    assert (told.smtp_username, told.sender) == ("shop", "Shop <shop@example.org>")
    assert told.smtp_password is not None
    assert told.smtp_password.get_secret_value() == "geheim"
    assert told.smtp_mails_per_connection == 20
    assert loaded.origins["smtp_tls"].place == "environment MAIL_USE_TLS"
    assert loaded.notes == ()


@pytest.mark.parametrize(
    ("values", "tls", "port"),
    [
        ({}, "none", 25),
        ({"MAIL_USE_TLS": "0", "MAIL_PORT": "0"}, "none", 25),
        ({"MAIL_USE_TLS": "on"}, "starttls", 587),
        ({"MAIL_USE_SSL": "1", "MAIL_USE_TLS": "false"}, "implicit", 465),
    ],
)
def test_how_it_is_encrypted_follows(
    values: dict[str, str], tls: str, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, MAIL_SERVER="mail.example.org", **values)
    assert (load().smtp_tls, load().smtp_port) == (tls, port)


def test_without_tls_a_password_is_said_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, MAIL_SERVER="mail.example.org", MAIL_USERNAME="shop", MAIL_PASSWORD="geheim")
    (fault,) = faults()
    assert "with smtp_tls = none the password or token could be read on its way" in fault


def test_another_relay_gets_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, MAIL_SERVER="mail.example.org", MAIL_USERNAME="shop", MAIL_PASSWORD="geheim")
    monkeypatch.setenv("OUTBOX_SMTP_HOST", "other.example.org")
    loaded = load_with_origins()
    assert (loaded.settings.smtp_host, loaded.settings.smtp_username) == ("other.example.org", None)
    assert (loaded.settings.smtp_password, loaded.settings.smtp_tls) == (None, "starttls")
    assert loaded.notes == (
        (
            "MAIL_PASSWORD, MAIL_SERVER, MAIL_USERNAME (environment): not used: environment OUTBOX_SMTP_HOST "
            "names the relay."
        ),
    )


def test_each_of_our_own_settings_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, MAIL_SERVER="mail.example.org", MAIL_USE_TLS="maybe", MAIL_DEFAULT_SENDER="x")
    given(monkeypatch, MAIL_USERNAME="shop", MAIL_PASSWORD="theirs", OUTBOX_SMTP_PASSWORD="ours")
    given(monkeypatch, OUTBOX_SMTP_TLS="implicit", OUTBOX_SENDER="a@example.org")
    loaded = load_with_origins()
    told = loaded.settings
    assert (told.smtp_host, told.smtp_tls, told.smtp_username) == ("mail.example.org", "implicit", "shop")
    assert told.smtp_password is not None
    assert told.smtp_password.get_secret_value() == "ours"
    assert told.sender == "a@example.org"
    assert loaded.notes == ("MAIL_PASSWORD (environment): not used: smtp_password is given.",)


def test_what_cannot_be_meant_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, MAIL_SERVER="mail.example.org", MAIL_USE_SSL="1", MAIL_USE_TLS="1", MAIL_PORT="smtp")
    given(monkeypatch, MAIL_DEFAULT_SENDER="('Shop', 'shop@example.org')")
    sender, tls, port = faults()
    assert sender.startswith("MAIL_DEFAULT_SENDER (environment): this is no address: \"('Shop'")
    assert tls.startswith("MAIL_USE_SSL and MAIL_USE_TLS (environment): both are true")
    assert port.startswith("smtp_port (environment MAIL_PORT): not usable: 'smtp'. Give a whole number")
    monkeypatch.setenv("MAIL_USE_SSL", "perhaps")
    assert "MAIL_USE_SSL (environment): neither true nor false: 'perhaps'. Give true or false." in faults()


@pytest.mark.parametrize(
    ("values", "note"),
    [
        ({"MAIL_PORT": "1025"}, "MAIL_PORT (environment): not used without MAIL_SERVER."),
        (
            {"MAIL_SERVER": "h", "MAIL_USERNAME": "u"},
            "MAIL_USERNAME (environment): not used without MAIL_PASSWORD: there is no AUTH.",
        ),
        (
            {"MAIL_SERVER": "h", "MAIL_PASSWORD": "geheim"},
            "MAIL_PASSWORD (environment): not used: there is no MAIL_USERNAME.",
        ),
        ({"MAIL_DEBUG": "1"}, "MAIL_DEBUG (environment): not used: the daemon logs, as log_level says."),
    ],
)
def test_what_has_no_use_is_noted(values: dict[str, str], note: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **values)
    assert load_with_origins().notes == (note,)
