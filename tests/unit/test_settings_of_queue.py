"""What streams mean, whose mail it is, and the guards: what is taken, and how faults read."""

import re
from pathlib import Path

import pytest

from outbox.errors import SettingsError
from outbox.mail.rate import Limit
from outbox.mail.stream import Priority, Stream
from outbox.settings import load

pytestmark = pytest.mark.usefixtures("no_settings")


def fault(**flags: object) -> str:
    with pytest.raises(SettingsError) as caught:
        load(**flags)
    (only,) = caught.value.faults
    return only


def test_without_a_word_nothing_is_diverted_and_a_thousand_mails_an_hour_are_no_storm() -> None:
    settings = load()
    assert (settings.relay_name, settings.environment, settings.streams) == (None, None, {})
    assert (settings.redirect_all_to, settings.allowed_domains) == (None, ())
    assert (settings.storm_limit, settings.storm_period) == (1000, 3600)


def test_streams_are_tables_of_the_file() -> None:
    Path("outbox.toml").write_text(
        '[streams.default]\nweight = 2\n[streams.bulk]\nrelay = "ses"\npriority = "low"\nweight = 0.5\n'
        '[streams."tenant:42"]\n'
    )
    assert load().streams == {
        "default": Stream(weight=2.0),
        "bulk": Stream(("ses",), 0.5, Priority.LOW),
        "tenant:42": Stream(),
    }


def test_a_stream_has_its_own_limits() -> None:
    Path("outbox.toml").write_text('[streams.bulk]\nrate = "1000/h"\nburst = 20\nquota = 5000\n')
    assert load().streams == {"bulk": Stream(limit=Limit(1000 / 3600, 20, 5000))}


def test_or_json_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_STREAMS", '{"code": {"priority": "high"}}')
    assert load().streams == {"code": Stream(priority=Priority.HIGH)}


@pytest.mark.parametrize(
    ("streams", "words"),
    [
        ("{", "this is no JSON"),
        ("[]", "these are no tables"),
        ({"a b": {}}, "'a b' is no name of a stream"),
        ({"bulk": 3}, "bulk is no table"),
        ({"bulk": {"wieght": 3}}, "bulk.wieght: there is no such key"),
        ({"bulk": {"relay": ""}}, "bulk.relay: '' is no name"),
        ({"bulk": {"weight": 0}}, "bulk.weight: 0 is no weight"),
        ({"bulk": {"weight": True}}, "bulk.weight: True is no weight"),
        ({"bulk": {"weight": "2"}}, "bulk.weight: '2' is no weight"),
        ({"bulk": {"priority": "urgent"}}, "bulk.priority: 'urgent' is none"),
        ({"bulk": {"rate": "14"}}, "bulk.rate: this is no rate: '14'"),
        ({"bulk": {"rate": 14}}, "bulk.rate: this is no rate: 14"),
        ({"bulk": {"rate": "0.01/h"}}, "bulk.rate: this is less than one recipient a day: '0.01/h'"),
        ({"bulk": {"burst": 3}}, "bulk.burst: 3 is a burst of no rate"),
        ({"bulk": {"rate": "1/s", "burst": 0}}, "bulk.burst: 0 is no number of recipients"),
        ({"bulk": {"quota": True}}, "bulk.quota: True is no number of recipients"),
    ],
)
def test_a_stream_that_cannot_be_meant_is_refused_by_its_key(streams: object, words: str) -> None:
    assert words in fault(streams=streams)
    assert re.search(" Give | Did you mean weight", fault(streams=streams))


def test_all_that_is_wrong_with_streams_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load(streams={"bulk": {"weight": 0, "wieght": 3, "priority": "urgent"}, "a b": {}, "news": 3})
    assert caught.value.faults == (
        "streams (flag --streams): bulk.wieght: there is no such key. Did you mean weight?",
        "streams (flag --streams): bulk.weight: 0 is no weight. Give a number from 0.001 to 1000.",
        "streams (flag --streams): bulk.priority: 'urgent' is none. Give high, normal or low.",
        "streams (flag --streams): 'a b' is no name of a stream. Give names without a space.",
        (
            "streams (flag --streams): news is no table. Give a table with any of relay, weight, priority, "
            "rate, burst, quota."
        ),
    )


def test_domains_are_split_and_lower_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_ALLOWED_DOMAINS", "Staging.Example, example.net")
    assert load().allowed_domains == ("staging.example", "example.net")


def test_the_address_is_kept_as_the_envelope_takes_it() -> None:
    assert load(redirect_all_to="QA <qa@Staging.Example>").redirect_all_to == "qa@staging.example"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"allowed_domains": "a b"}, "allowed_domains (flag --allowed-domains): 'a b' is no domain"),
        ({"redirect_all_to": "qa"}, "redirect_all_to (flag --redirect-all-to): this is no address: 'qa'"),
        ({"environment": " x"}, "environment (flag --environment): this is no name: ' x'"),
        ({"environment": "x" * 65}, "environment (flag --environment): this is no name"),
        ({"relay_name": ""}, "relay_name (flag --relay-name): this is no name: ''"),
        ({"storm_limit": -1}, "storm_limit (flag --storm-limit): not usable: -1"),
        ({"storm_period": 0}, "storm_period (flag --storm-period): not usable: 0"),
    ],
)
def test_anything_else_is_refused_with_its_place_and_its_remedy(flags: dict[str, object], words: str) -> None:
    assert fault(**flags).startswith(words)
    assert " Give " in fault(**flags)
