"""The page of DKIM names the headers that are signed, and its settings and its measurement work."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from outbox.delivery.dkim.signature import _OVERSIGNED, _SIGNED
from outbox.settings import load
from outbox.settings.dkim import DkimKey
from tests.support.calling import CHECKOUT

PAGE = (Path(CHECKOUT) / "docs" / "dkim.md").read_text(encoding="utf-8")
KEY = DkimKey("example.org", "s2026", Path("/etc/outbox/s2026.pem"))


def test_the_page_lists_the_signed_headers() -> None:
    oversigned, others = re.findall(r"^```\n((?:from|list-).*)\n```", PAGE, re.MULTILINE)
    assert oversigned.split() == [*_OVERSIGNED]
    assert [*oversigned.split(), *others.split()] == [*_SIGNED]


@pytest.mark.usefixtures("no_settings")
def test_the_settings_load_as_a_file_and_as_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    (table,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    Path("outbox.toml").write_text(table)
    assert load().dkim == (KEY,)
    Path("outbox.toml").unlink()
    (variable,) = re.findall(r"`OUTBOX_DKIM=(\[.*?\])`", PAGE)
    monkeypatch.setenv("OUTBOX_DKIM", variable)
    assert load().dkim == (KEY,)


def test_the_measurement_runs() -> None:
    (code,) = re.findall(r'timeit -s "\n(.*?)" "signer', PAGE, re.DOTALL)
    command = [sys.executable, "-m", "timeit", "-n", "1", "-r", "1", "-s", code, "signer.signed(mail, 0)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=CHECKOUT)
    assert "1 loop" in done.stdout
