"""Several relays, each a table: what it may say, and every fault of them at once."""

import json
from pathlib import Path

import pytest

from outbox.delivery.relay import Pool, TlsMode
from outbox.errors import SettingsError
from outbox.mail.stream import Priority, Stream
from outbox.settings import load
from outbox.settings.application import Application, Told, told_by
from outbox.settings.make_options import options_of
from outbox.settings.make_routes import routes_of
from outbox.settings.sources import load_routes, load_without_relays
from outbox.worker.options import Options

pytestmark = pytest.mark.usefixtures("no_settings")

GIVE_URL = (
    "Give a URL such as smtp+starttls://user@mail.example.org:587, smtps://, smtp:// or lmtp://, and no more."
)


def options(toml: str = "") -> Options:
    Path("outbox.toml").write_text(toml)
    return options_of(load())


def faults(toml: str = "") -> list[str]:
    with pytest.raises(SettingsError) as caught:
        options(toml)
    return list(caught.value.faults)


@pytest.mark.parametrize(
    ("url", "place", "tls", "lmtp"),
    [
        ("smtp+starttls://h.example", ("h.example", 587), TlsMode.STARTTLS, False),
        ("smtps://h.example", ("h.example", 465), TlsMode.IMPLICIT, False),
        ("smtp://h.example", ("h.example", 25), TlsMode.NONE, False),
        ("smtp://192.0.2.1:2525/", ("192.0.2.1", 2525), TlsMode.NONE, False),
        ("lmtp://h.example", ("h.example", 24), TlsMode.NONE, True),
        ("smtp://[2001:db8::1]:26", ("2001:db8::1", 26), TlsMode.NONE, False),
    ],
)
def test_a_url_says_where_a_relay_is_and_how_it_is_reached(
    url: str, place: tuple[str, int], tls: TlsMode, *, lmtp: bool
) -> None:
    (relay,) = options(f"[relays.main]\nurl = '{url}'").relays
    assert ("main", place, tls, lmtp) == (relay.name, (relay.host, relay.port), relay.tls, relay.lmtp)


def test_a_table_says_all_that_the_settings_of_one_relay_say() -> None:
    toml = """
        connections = 9
        [streams.default]
        relay = ["main", "backup"]
        [streams.bulk]
        priority = "low"
        [relays.main]
        url = "smtp+starttls://shop%40example.org@mail.example.org:588"
        password = "secret"
        auth = "plain"
        source = "192.0.2.7"
        max_connections = 2
        idle = 5
        age = 60
        mails_per_connection = 100
        pipelining = "off"
        [relays.backup]
        url = "smtp://localhost"
        tls = "opportunistic"
    """
    found = options(toml)
    main, backup = found.relays
    assert main.password is not None
    assert (main.username, main.password.reveal(), main.mechanism) == ("shop@example.org", "secret", "PLAIN")
    assert (main.port, main.source, main.pool, main.pipelining) == (
        588,
        "192.0.2.7",
        Pool(2, 5, 60, 100),
        "off",
    )
    assert (backup.tls, backup.pool) == (TlsMode.OPPORTUNISTIC, Pool(9))
    order = ("main", "backup")
    assert found.streams.known == {"default": Stream(order), "bulk": Stream(order, priority=Priority.LOW)}


def test_every_fault_of_every_table_is_told_at_once_and_no_password() -> None:
    toml = """
        [relays.main]
        url = "smtp+starttls://user:hushhush@h.example"
        pasword = "hushhush"
        [relays.b]
        url = "ftp://h.example"
        [relays.c]
        url = "smtp://h.example:99999"
        [relays.d]
        url = "smtps://name@h.example"
        password = "hushhush"
        tls = "none"
        [relays.e]
        url = "smtp://h.example"
        idle = -1
        source = "somewhere"
        username = "u"
        [relays.f]
        max_connections = 0
    """
    given = "(outbox.toml)"
    assert faults(toml) == [
        f"relays.main.pasword {given}: there is no such key. Did you mean password?",
        (
            f"relays.main.url {given}: a password stands in it, where logs and pages would show it. "
            "Give password beside it."
        ),
        (
            f"relays.b.url {given}: 'ftp://h.example' has another scheme than smtp, smtp+starttls, smtps, "
            f"lmtp. {GIVE_URL}"
        ),
        f"relays.c.url {given}: its host or port is not usable. {GIVE_URL}",
        f"relays.d.url {given}: smtps:// says what tls says, too. Give tls beside smtp:// or lmtp:// only.",
        (
            f"relays.e.source {given}: this is no IP address: 'somewhere'. "
            "Give an IP address of this host, such as 192.0.2.1."
        ),
        f"relays.e.idle {given}: not usable: -1. Give a number of seconds of at least 0, such as 30.",
        (
            f"relays.e.username {given}: AUTH takes a password or a token beside the name: 'u'. "
            "Give password, token_file or token_command."
        ),
        f"relays.f.url {given}: it is missing, or no text. {GIVE_URL}",
    ]


def test_a_secret_is_said_only_where_it_cannot_be_read_on_its_way() -> None:
    (fault,) = faults("[relays.main]\nurl = 'smtp://u@h.example'\npassword = 'hushhush'")
    assert fault == (
        "relays.main.allow_plaintext_auth (outbox.toml): with tls = none the password or token could be "
        "read on its way. Give tls = starttls or implicit, or no username, or true to allow it by name."
    )


@pytest.mark.parametrize(
    ("streams", "expected"),
    [
        (
            "[streams.bulk]\nrelay = ['mian', 'backup']\n[streams.default]\nrelay = 'main'",
            ["streams.bulk.relay (outbox.toml): [relays] has no 'mian'. Did you mean main?"],
        ),
        (
            "[streams.default]\nrelay = 'main'",
            ["relays.backup (outbox.toml): no stream names it. Name it in one's relay, or remove it."],
        ),
        (
            "[streams.bulk]\nrelay = ['main', 'backup']",
            [
                (
                    "streams.default.relay (outbox.toml): there are several relays. Give their order, "
                    'such as ["main", "backup"].'
                )
            ],
        ),
    ],
)
def test_streams_and_relays_must_name_each_other(streams: str, expected: list[str]) -> None:
    relays = "[relays.main]\nurl = 'smtp://h.example'\n[relays.backup]\nurl = 'smtp://i.example'\n"
    assert expected == faults(relays + streams)


@pytest.mark.parametrize("given", ["[]", "3", "no JSON"])
def test_what_is_no_tables_is_told_without_its_value(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_RELAYS", given)
    (fault,) = faults()
    assert fault == (
        "relays (environment OUTBOX_RELAYS): these are no tables, or no JSON: the value is not shown. "
        "Give tables [relays.NAME] with url in outbox.toml, or the same as JSON."
    )


def test_the_one_relay_of_smtp_settings_and_tables_exclude_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OUTBOX_SMTP_HOST", "h.example")
    rest = "Move it into the table of its relay, or remove it."
    why = (
        f"it is of the one relay of a daemon that has no [relays], which are given too (outbox.toml). {rest}"
    )
    assert faults("relay_name = 'ses'\n[relays.main]\nurl = 'smtp://h.example'") == [
        f"relay_name (outbox.toml): {why}",
        f"smtp_host (environment OUTBOX_SMTP_HOST): {why}",
    ]


def test_what_an_application_says_of_its_relay_is_left_aside_for_tables() -> None:
    theirs = {"smtp_host": Told("of no use", "app.config MAIL_SERVER")}
    with told_by(Application(defaults=theirs)):
        (relay,) = options("[relays.main]\nurl = 'smtp://ours.example'").relays
    assert relay.host == "ours.example"


def test_a_password_may_stand_by_itself_in_the_environment_or_in_a_credential(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = "smtps://u@h.example"
    streams = {"default": {"relay": ["main", "backup"]}}
    monkeypatch.setenv("OUTBOX_STREAMS", json.dumps(streams))
    monkeypatch.setenv("OUTBOX_RELAYS", json.dumps({"main": {"url": url}, "backup": {"url": url}}))
    monkeypatch.setenv("OUTBOX_RELAYS__MAIN__PASSWORD", "first")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "outbox_relays__backup__password").write_text("second\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert [relay.password and relay.password.reveal() for relay in options().relays] == ["first", "second"]


def test_a_password_finds_its_relay_also_where_the_name_has_capital_letters_or_underscores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OUTBOX_RELAYS__MAIN__PASSWORD", "first")
    monkeypatch.setenv("OUTBOX_RELAYS__A__B__PASSWORD", "second")
    tables = "\n".join(f"[relays.{name}]\nurl = 'smtps://u@h.example'" for name in ("Main", "a__b"))
    relays = options(f"{tables}\n[streams.default]\nrelay = ['Main', 'a__b']").relays
    assert [relay.password and relay.password.reveal() for relay in relays] == ["first", "second"]


def test_the_password_of_a_relay_that_there_is_not_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_RELAYS__MIAN__PASSWORD", "hushhush")
    assert faults("[relays.main]\nurl = 'smtp://h.example'") == [
        "environment OUTBOX_RELAYS__MIAN__PASSWORD: there is no relay 'mian'. Did you mean that of main?"
    ]
    assert faults() == [
        "environment OUTBOX_RELAYS__MIAN__PASSWORD: there is no such relay. Add its table to [relays]."
    ]


_KEPT_FROM_PEOPLE = """
[relays.main]
url = "smtp+starttls://shop@h.example"
[relays.second]
url = "smtp://h.example"
tls = "opportunistic"
username = "shop"
token_file = "/nowhere/token"
ca_file = "/nowhere/ca.pem"
[streams.default]
relay = ["main", "second"]
[[dkim]]
domain = "example.org"
selector = "s2026"
key = "/nowhere/s2026.pem"
"""


def test_who_only_asks_needs_no_secret_and_no_file_of_the_daemon() -> None:
    # They are credentials, or files of its user.
    assert len(faults(_KEPT_FROM_PEOPLE)) == 4
    assert not load_without_relays().relays
    settings = load_routes()
    assert routes_of(settings, {"main"}).through("any") == "second"
    assert [table.smtp_username for table in settings.relays.values()] == [None, None]
    Path("outbox.toml").write_text('smtp_host = "h.example"\nsmtp_username = "shop"')
    with pytest.raises(SettingsError, match="AUTH takes a password or a token"):
        load()
    assert routes_of(load_routes(), ()).through("any") == "h.example:587"
    Path("outbox.toml").write_text("[relays.main]\nurl = 25")
    with pytest.raises(SettingsError, match=r"relays\.main\.url"):
        load_routes()
