"""What deploy/ has for systemd: how little it may do, and that both units say the same."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.missing import binary

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
MOST = 1.5

pytestmark = pytest.mark.interop


def lines(unit: str) -> list[str]:
    """Return what a unit says, without its comments."""
    return [line for line in (DEPLOY / unit).read_text().splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("unit", ["outbox.service", "outbox@.service"])
def test_the_daemon_may_do_little_but_what_it_must(unit: str) -> None:
    command = [binary("systemd-analyze", "systemd"), "security", "--offline=true", str(DEPLOY / unit)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", told)
    assert found is not None
    assert float(found.group(1)) <= MOST, told


def test_a_daemon_of_one_database_and_one_of_several_differ_in_their_places_only() -> None:
    places = (("/%i.", "/outbox."), ("-%i", ""), (" %i", ""))
    several = "\n".join(line for line in lines("outbox@.service") if not line.startswith("Environment=HOME"))
    for of_several, of_one in places:
        several = several.replace(of_several, of_one)
    assert lines("outbox.service") == several.splitlines()
