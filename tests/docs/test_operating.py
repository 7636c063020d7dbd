"""What the page on operating says of the units is what they say."""

import re
from pathlib import Path

import pytest

from outbox.worker.watch import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
UNITS = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "deploy").glob("*.service"))]


@pytest.mark.parametrize("name", ["WatchdogSec", "TimeoutStopSec"])
def test_each_time_is_that_of_the_units(name: str) -> None:
    told = set(re.findall(rf"`{name}=(\d+)`", PAGE))
    assert len(told) == 1
    for unit in UNITS:
        assert told == set(re.findall(rf"^{name}=(\d+)$", unit, re.MULTILINE))


def test_the_patience_with_a_part_is_that_of_the_code() -> None:
    assert re.findall(r"Each may be late by (\d+) s", PAGE) == [f"{PATIENCE:.0f}"]


@pytest.mark.parametrize("place", ["/etc/outbox/{}.toml", "/etc/outbox/{}.env", "/var/lib/outbox{}"])
def test_each_place_is_that_of_the_units(place: str) -> None:
    several, one = sorted(UNITS, key=lambda unit: "%i" not in unit)
    is_folder = place.endswith("outbox{}")
    assert f"`{place.format('' if is_folder else 'outbox')}`" in PAGE
    assert f"`{place.format('-shop' if is_folder else 'shop')}`" in PAGE
    assert place.format("" if is_folder else "outbox") in one
    assert place.format("-%i" if is_folder else "%i") in several


def test_what_a_drop_in_is_for_stands_in_the_units_too() -> None:
    for line in re.findall(r"```ini\n\[Service\]\n(.*?)```", PAGE, re.DOTALL):
        for each in line.splitlines():
            name, value = each.split("=", 1)
            assert f"#{name}=" in UNITS[0], value
