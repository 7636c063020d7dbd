"""The page on setting up and checking: its commands exist, and its figures are those of the code."""

import re
import shlex
from pathlib import Path

import pytest

from outbox.checks.database import _SKEW
from outbox.checks.relay import _EARLY
from outbox.cli.check import _DEADLINE
from outbox.cli.sendmail_arguments import read_arguments
from outbox.testing import FaultyServer
from tests.support.calling import CHECKOUT, call

PAGE = (Path(CHECKOUT) / "docs" / "check.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^outbox ([^#\n]+?)(?: +#.*)?$", PAGE, re.MULTILINE)


def test_the_figures_are_those_of_the_code() -> None:
    assert f"more than {_SKEW:g} seconds from this host's" in PAGE
    assert f"ends within {_EARLY} days" in PAGE
    assert f"after {_DEADLINE:g} seconds those that hang" in PAGE


@pytest.mark.usefixtures("no_settings")
def test_the_commands_of_the_page_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert len(COMMANDS) == 5
    monkeypatch.setenv("OUTBOX_SENDER", "shop@localhost.example")
    monkeypatch.setenv("OUTBOX_SMTP_TLS", "none")
    with FaultyServer() as server:
        monkeypatch.setenv("OUTBOX_SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("OUTBOX_SMTP_PORT", str(server.port))
        codes = {
            line: call(*shlex.split(line.replace("/etc/outbox", str(tmp_path / "etc")))).exit_code
            for line in COMMANDS
            # Without a sender: DNS is asked elsewhere.
            if line != "check"
        }
        assert set(codes.values()) == {0}, codes
        assert [mail.recipients for mail in server.mails] == [["you@example.org"]]
    assert (tmp_path / "etc" / "outbox.toml").exists()


def test_every_option_of_the_table_is_taken() -> None:
    table = PAGE.partition("| option | |")[2].partition("\n\n")[0]
    options = [
        each
        for cell in re.findall(r"^\| (.*?) \|", table, re.MULTILINE)
        for each in re.findall("`(.*?)`", cell)
    ]
    assert len(options) > 12
    for option in options:
        words = option.replace("ADDRESS", "a@example.org").replace("NAME", "Ada").replace("X", "b").split()
        # Those that want a value stand there without one.
        read_arguments((*words, "value"))
