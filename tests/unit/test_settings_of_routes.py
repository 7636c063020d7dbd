"""By which relays mail goes, told without the model: the same as it tells, and its faults in its words."""

from pathlib import Path

import pytest

from outbox.errors import SettingsError
from outbox.mail.route import Routes
from outbox.settings import Settings
from outbox.settings.application import Application, Told, told_by
from outbox.settings.make_routes import routes_of
from outbox.settings.names import NAMES
from outbox.settings.sources import load_routes
from outbox.settings.ways import known_routes

pytestmark = pytest.mark.usefixtures("no_settings")

TWO = """
[relays.main]
url = "smtp+starttls://shop@h.example"
password = "hushhush"
[relays.second]
url = "smtp://h.example"
tls = "opportunistic"
ca_file = "/nowhere/ca.pem"
[streams.default]
relay = ["main", "second"]
[streams.bulk]
relay = "second"
rate = "14/s"
[streams.news]
weight = 2
"""


def told(routes: Routes) -> list[object]:
    return [(routes.ways(stream), routes.through(stream)) for stream in ("default", "bulk", "news", "other")]


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def load() -> Settings:
        raise AssertionError("the model was asked")

    monkeypatch.setattr("outbox.settings.sources.load_routes", load)


def test_the_names_are_those_of_the_model() -> None:
    assert tuple(Settings.model_fields) == NAMES


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize(
    ("toml", "variables"),
    [
        ("", {}),
        ("", {"SMTP_HOST": "relay_1.example.", "STORM_LIMIT": "0"}),
        ("", {"SMTP_HOST": "2001:db8::1", "SMTP_PORT": "26"}),
        ("", {"SMTP_HOST": "h.example", "SMTP_TLS": "implicit", "SMTP_PORT": ""}),
        ("smtp_protocol = 'lmtp'\nsmtp_tls = 'none'", {}),
        ("smtp_port = 2525", {"SMTP_HOST": f"{'x' * 60}.example"}),
        ("relay_name = 'ses'\n[streams.bulk]\nrelay = 'ses'", {}),
        ("[streams.bulk]\npriority = 'low'", {"RELAY_NAME": "a b"}),
        ("", {"STREAMS": '{"bulk": {"relay": ["ses"]}}', "RELAY_NAME": "ses"}),
        (TWO, {}),
        (TWO, {"RELAYS__SECOND__PASSWORD": "hushhush"}),
        ("[relays.only]\nurl = 'lmtp://[2001:db8::1]'", {}),
    ],
)
@pytest.mark.parametrize("down", [(), ("main",), ("main", "second"), ("localhost:587",)])
def test_routes_are_told_as_the_model_tells_them(
    toml: str, variables: dict[str, str], down: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("outbox.toml").write_text(toml)
    for name, value in variables.items():
        monkeypatch.setenv(f"OUTBOX_{name}", value)
    assert told(routes_of(load_routes(), down)) == told(known_routes(down))


@pytest.mark.usefixtures("no_model")
def test_the_one_relay_that_has_a_name_takes_the_mail_of_streams_that_name_it() -> None:
    Path("outbox.toml").write_text("relay_name = 'ses'\n[streams.bulk]\nrelay = 'ses'")
    routes = known_routes(())
    assert [routes.through(stream) for stream in ("bulk", "other")] == ["ses", None]


@pytest.mark.usefixtures("no_model")
def test_routes_of_credentials_of_flask_mail_and_of_an_application_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MAIL_SERVER", "mail.example")
    assert known_routes(()).through("any") == "mail.example:25"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "outbox_smtp_host").write_text("h.example\n")
    assert known_routes(()).through("any") == "h.example:587"
    with told_by(Application({"smtp_port": Told(2525, "app.config OUTBOX_SMTP_PORT")})):
        assert known_routes(()).through("any") == "h.example:2525"


@pytest.mark.parametrize(
    ("toml", "variables"),
    [
        ("", {"SMTP_HOTS": "h.example"}),
        ("", {"SMTP_HOST": "no host"}),
        ("", {"SMTP_PORT": "0"}),
        ("", {"SMTP_PORT": "65536"}),
        ("", {"SMTP_PORT": "mail"}),
        ("smtp_host = 25", {}),
        ("", {"SMTP_TLS": "STARTTLS"}),
        ("", {"SMTP_PROTOCOL": "uucp"}),
        ("", {"STREAMS": "{"}),
        ("streams = 1", {}),
        ("[streams.bulk]\nrelays = 'main'", {}),
        ("", {"RELAY_NAME": "x" * 65}),
        ("relay_name = 1", {}),
        ("relays = 1", {}),
        ("relays.main = 1", {}),
        ("[relays.main]\nurl = 25", {}),
        ("[relays.main]\nurl = 'smtp://no host'", {}),
        ("[relays.main]\nurl = 'smtp://h.example'\ntls = 'tls'", {}),
        ("[relays.'a b']\nurl = 'smtp://h.example'", {}),
        ("[relays.main]\nurl = 'smtp://h.example'\n[relays.second]\nurl = 'smtp://h.example'", {}),
        ("[relays.main]\nurl = 'smtp://h.example'\n[streams.bulk]\nrelay = 'mian'", {}),
        ("smtp_host = 'h.example'\n[relays.main]\nurl = 'smtp://h.example'", {}),
        ("smtp_host", {}),
    ],
)
def test_what_is_wrong_is_told_by_the_model(
    toml: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("outbox.toml").write_text(toml)
    for name, value in variables.items():
        monkeypatch.setenv(f"OUTBOX_{name}", value)
    with pytest.raises(SettingsError) as expected:
        load_routes()
    with pytest.raises(SettingsError) as caught:
        known_routes(())
    assert expected.value.faults == caught.value.faults


def test_a_number_that_only_the_model_reads_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_SMTP_PORT", " 2525 ")
    assert known_routes(()).through("any") == "localhost:2525"
