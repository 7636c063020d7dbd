"""Who signs: what is taken, and how faults read, which never show what may be a key."""

from pathlib import Path

import pytest

from outbox.errors import SettingsError
from outbox.settings import load
from outbox.settings.dkim import DkimKey

pytestmark = pytest.mark.usefixtures("no_settings")
GOOD = {"domain": "example.org", "selector": "s1", "key": "k.pem"}
PEM = "-----BEGIN PRIVATE KEY-----MC4CAQAwBQYDK2VwBCIEI-----END PRIVATE KEY-----"


def test_without_a_word_nobody_signs() -> None:
    assert load().dkim == ()


def test_keys_are_tables_of_the_file() -> None:
    Path("outbox.toml").write_text(
        '[[dkim]]\ndomain = "Example.org"\nselector = "r1"\nkey = "/etc/outbox/r1.pem"\n'
        '[[dkim]]\ndomain = "example.org"\nselector = "e1"\nkey = "/etc/outbox/e1.pem"\n'
    )
    assert load().dkim == (
        DkimKey("example.org", "r1", Path("/etc/outbox/r1.pem")),
        DkimKey("example.org", "e1", Path("/etc/outbox/e1.pem")),
    )


def test_or_json_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_DKIM", '[{"domain": "example.org", "selector": "s1", "key": "k.pem"}]')
    assert load().dkim == (DkimKey("example.org", "s1", Path("k.pem")),)


@pytest.mark.parametrize(
    ("dkim", "words"),
    [
        ("{", "this is no JSON"),
        ({}, "this is no list of tables"),
        ([3], "[1] is no table"),
        ([GOOD, GOOD | {"selectr": "x"}], "[2].selectr: there is no such key"),
        ([GOOD | {"domain": "a b"}], "[1].domain: 'a b' is no domain"),
        ([GOOD | {"domain": "münchen.example"}], "[1].domain: 'münchen.example' is no domain"),
        ([{"selector": "s1", "key": "k.pem"}], "[1] has no domain"),
        ([GOOD | {"selector": "s 1"}], "[1].selector: 's 1' is no selector"),
        ([GOOD | {"key": ""}], "[1].key: this is no path"),
        ([GOOD | {"key": PEM}], "[1].key: this is no path"),
        ([GOOD | {"key": PEM.replace("-----", "\n")}], "[1].key: this is no path"),
        ([GOOD, GOOD | {"selector": "S1"}], "s1 of example.org is there twice"),
    ],
)
def test_a_key_that_cannot_be_meant_is_refused_by_its_place_and_never_shown(dkim: object, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(dkim=dkim)
    (fault,) = caught.value.faults
    assert fault.startswith(f"dkim (flag --dkim): {words}")
    assert " Give " in fault
    assert "MC4C" not in fault
