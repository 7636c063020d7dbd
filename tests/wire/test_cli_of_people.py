"""Commands that speak to no relay need nothing that is the daemon's alone: secrets and files of its user."""

from pathlib import Path

import pytest

from tests.support.calling import MAIL, call, refused

pytestmark = pytest.mark.usefixtures("outbox_here")

_OF_THE_DAEMON = """
smtp_host = "mail.example.org"
smtp_username = "shop"
smtp_client_key = "/nowhere/key.pem"
"""


@pytest.fixture(autouse=True)
def _settings(outbox_here: None) -> None:
    _ = outbox_here
    assert call(*MAIL, "--key", "tea").exit_code == 0
    Path("outbox.toml").write_text(_OF_THE_DAEMON)


@pytest.mark.parametrize(
    "command",
    [
        "db upgrade", "db check", "db environment", "db confirm-restore", "db sql",
        "db grants --dialect postgresql", "list", "show tea", "why tea", "hold tea", "cancel tea",
        "retry tea --dry-run", "pause", "suppress eve@example.org --why left", "suppressions",
        "stats", "top --once", "purge --older-than 30d --dry-run", "forget eve@example.org --dry-run",
        "preview welcome", "lint",
    ],
)  # fmt: skip
def test_people_act_without_them(command: str) -> None:
    done = call(*command.split())
    assert done.exit_code == 0, done.output


def test_why_tells_the_relay_all_the_same() -> None:
    assert "mail.example.org:587" in call("why", "tea").stdout


def test_a_mail_is_queued_without_them() -> None:
    assert call(*MAIL).exit_code == 0


@pytest.mark.parametrize("command", [("run",), (*MAIL, "--straight"), ("config", "show")])
def test_what_speaks_to_a_relay_asks_for_them(command: tuple[str, ...]) -> None:
    code, said = refused(*command)
    assert code == 78
    for name in ("smtp_username", "smtp_client_key"):
        assert name in said
