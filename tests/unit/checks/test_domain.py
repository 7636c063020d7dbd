"""What the records of a sender's domain mean for its mail."""

import pytest

from outbox.checks.domain import dkim_findings, dmarc_findings, spf_findings
from outbox.delivery.dkim.record import record_name, record_text
from outbox.delivery.dkim.signature import Signatory
from outbox.findings import Level
from tests.support.signatures import keyed

DOMAIN = "shop.example.org"


@pytest.mark.parametrize(
    ("texts", "level", "words"),
    [
        (["v=spf1 include:spf.example.net -all", "verification=1"], Level.OK, "v=spf1 include"),
        (["V=SPF1 mx ~all"], Level.OK, "V=SPF1"),
        ([], Level.WARNING, "there is no record"),
        (["v=spf10 -all", "something"], Level.WARNING, "there is no record"),
        (["v=spf1 -all", "v=spf1 mx"], Level.FAULT, "several records"),
        (["v=spf1 mx +all"], Level.WARNING, "lets everybody send"),
        (["v=spf1 all"], Level.WARNING, "lets everybody send"),
    ],
)
def test_spf(texts: list[str], level: Level, words: str) -> None:
    (found,) = spf_findings(DOMAIN, {DOMAIN: texts}.__getitem__)
    assert (found.level, words in found.says) == (level, True)


@pytest.mark.parametrize(
    ("records", "level", "words"),
    [
        ({f"_dmarc.{DOMAIN}": ["v=DMARC1; p=reject"]}, Level.OK, "p=reject"),
        ({"_dmarc.example.org": ["v=DMARC1;p=none; rua=mailto:a@example.org"]}, Level.OK, "p=none"),
        ({"_dmarc.org": ["v=DMARC1; p=none"]}, Level.WARNING, "there is no record"),
        ({}, Level.WARNING, "there is no record"),
        ({f"_dmarc.{DOMAIN}": ["v=DMARC1; rua=mailto:a@b"]}, Level.WARNING, "names no policy"),
        ({f"_dmarc.{DOMAIN}": ["v=DMARC1; p=none", "v=DMARC1; p=reject"]}, Level.FAULT, "several records"),
        ({f"_dmarc.{DOMAIN}": ["v=spf1 -all"]}, Level.WARNING, "there is no record"),
    ],
)
def test_dmarc(records: dict[str, list[str]], level: Level, words: str) -> None:
    (found,) = dmarc_findings(DOMAIN, lambda name: records.get(name, []))
    assert (found.level, words in found.says) == (level, True)


def test_dkim_asks_for_the_record_of_each_key_of_the_domain() -> None:
    _, key = keyed()
    mine = [Signatory(DOMAIN, "s1", key), Signatory(DOMAIN, "s2", key), Signatory("example.net", "s3", key)]
    good = record_text(key)
    records = {record_name(DOMAIN, "s1"): [good], record_name(DOMAIN, "s2"): [f"{good}; t=y"]}
    found = list(dkim_findings(DOMAIN, mine, lambda name: records.get(name, [])))
    assert [(each.subject, each.level) for each in found] == [
        (f"DKIM of {DOMAIN}, s1", Level.OK),
        (f"DKIM of {DOMAIN}, s2", Level.WARNING),
    ]
    (missing,) = dkim_findings("example.net", mine, lambda name: records.get(name, []))
    assert (missing.level, missing.remedy) == (Level.FAULT, "Publish what outbox dkim dns prints.")
    (nobody,) = dkim_findings("example.com", mine, records.__getitem__)
    assert nobody.level is Level.UNCHECKED
