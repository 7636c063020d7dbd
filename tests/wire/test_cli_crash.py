"""A daemon that ends by a fault of its own says so in its log, without anybody's address."""

import json

import pytest
from click.testing import CliRunner

from outbox.cli.run import run
from tests.support.daemon import application


@pytest.mark.usefixtures("no_settings")
def test_a_fault_of_the_program_is_an_event_and_ends_with_70(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise ZeroDivisionError("ada@example.org has none")

    monkeypatch.setattr("outbox.cli.run.run_daemon", breaks)
    with application(sqlite_url):
        done = CliRunner().invoke(run, ["--database-url", sqlite_url, "--log-format", "json"])
    assert done.exit_code == 70
    (line,) = map(json.loads, done.stderr.splitlines())
    assert (line["level"], line["event"]) == ("ERROR", "daemon_crashed")
    assert line["message"] == "the daemon has ended by a fault of this program: <address> has none"
    assert line["exception"].endswith("\nZeroDivisionError: <address> has none")
    assert "in breaks" in line["exception"]
    assert "ada" not in done.output
