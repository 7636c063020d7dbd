"""The page on metrics and the log, and the rules for alerts, name what there is."""

import inspect
import json
import logging
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from outbox import events
from outbox.cli.log_lines import JournalLines, JsonLines, Lines, tag
from outbox.metrics.catalogue import CATALOGUE, Kind

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "observing.md").read_text("utf-8")
GROUPS = yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text("utf-8"))["groups"]
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]

OF_PROMETHEUS = {"up"}
OF_THE_SCRAPE = {"job", "instance"}
WORDS = {
    *("max", "min", "sum", "by", "on", "and", "absent", "rate", "increase", "min_over_time"),
    *OF_THE_SCRAPE,
}


def names(metric: Any) -> list[str]:
    """Return the names of the samples of a metric."""
    parts = ("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",)
    return [f"{metric.name}{part}" for part in parts]


LABELS = {name: set(metric.labels) for metric in CATALOGUE for name in names(metric)}


def generated(name: str) -> str:
    found = re.search(rf"<!-- {name}: .*?-->\n(.*?)\n(?:\n|$)", PAGE, re.DOTALL)
    assert found is not None
    return found.group(1)


def test_the_table_of_metrics_is_the_catalogue() -> None:
    rows = ["| metric | type | labels | what it is |", "|---|---|---|---|"]
    for metric in CATALOGUE:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        rows.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.what} |")
    assert "\n".join(rows) == generated("metrics")


def test_the_table_of_events_has_every_event_and_what_it_says() -> None:
    rows = ["| event | says |", "|---|---|"]
    for name in events.__all__:
        says = (inspect.getdoc(getattr(events, name)) or "").splitlines()[0].removeprefix("Say ")
        rows.append(f"| `{name}` | {says} |")
    assert "\n".join(rows) == generated("events")


def test_the_lines_on_the_page_are_those_that_are_written(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "outbox"):
        events.relay_down("mx", 2.0)
    (record,) = caplog.records
    (shown,) = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
    written = json.loads(JsonLines(addresses=False).format(record))
    assert list(shown) == list(written)
    assert {**shown, "time": None} == {**written, "time": None}
    console = Lines(addresses=False).format(record).partition("WARNING")[2]
    assert f"WARNING{console}`" in PAGE
    start = JournalLines(addresses=False).format(record).partition(" as ")[0]
    assert f"`{start} …`" in PAGE.replace("\n  ", " ")


def test_the_tag_of_an_address_is_found_as_the_page_says(tmp_path: Path) -> None:
    (command,) = (block for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) if "hmac" in block)
    key = tmp_path / "log_address_key"
    key.write_text("0123456789abcdef\n")
    mine = command.replace("/etc/outbox/log_address_key", str(key))
    assert mine != command
    for address in ("ada@example.org", "Ada@EXAMPLE.org"):
        done = subprocess.run(
            ["sh", "-c", mine.replace("ada@example.org", address)], capture_output=True, text=True, check=True
        )
        assert done.stdout == tag("ada@example.org", "0123456789abcdef") + "\n"


def test_the_first_alert_is_that_of_mail_that_is_late() -> None:
    assert "outbox_oldest_due_age_seconds" in RULES[0]["expr"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_is_whole_and_asks_for_what_is_exported(rule: dict[str, Any]) -> None:
    assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"Outbox[A-Za-z]+", rule["alert"])
    assert re.fullmatch(r"\d+[smh]", rule["for"])
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(rule["annotations"]) == {"summary", "description"}
    expression = re.sub(r'"[^"]*"', "", rule["expr"])
    assert [expression.count(opening) for opening in "([{"] == [expression.count(close) for close in ")]}"]
    words = set(re.findall(r"[a-zA-Z_]+", re.sub(r"\[\w+\]", "", expression)))
    metrics = {word for word in words if word.startswith("outbox_")} | words & OF_PROMETHEUS
    assert metrics
    assert metrics <= LABELS.keys() | OF_PROMETHEUS
    labels = set().union(*(LABELS.get(metric, set()) for metric in metrics))
    assert words - metrics - WORDS <= labels
    shown = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    assert shown <= labels | OF_THE_SCRAPE


def test_there_is_an_alert_for_each_thing_that_needs_a_person() -> None:
    asked = " ".join(rule["expr"] for rule in RULES)
    for words in (
        'absent(up{job="outbox"}',
        "outbox_database_up",
        "outbox_failed_total",
        "outbox_breaker_open",
        'status="in_doubt"',
        'status="held"',
        "outbox_paused",
    ):
        assert words in asked, words
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
