"""What AUTH needs fits together, or the fault says which part to give."""

import sys
from pathlib import Path

import pytest

from outbox.errors import SettingsError
from outbox.settings import load

pytestmark = pytest.mark.usefixtures("no_settings")
USER = {"smtp_username": "u"}
PASSWORD = {"smtp_password": "p"}
COMMAND = {"smtp_token_command": "echo token"}
ALL = "smtp_password, smtp_token_file, smtp_token_command"


def faults(**flags: object) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(**flags)
    return caught.value.faults


@pytest.fixture
def token() -> dict[str, object]:
    Path("token").write_text("t")
    return {"smtp_token_file": "token"}


def test_a_name_needs_one_secret_and_a_secret_needs_a_name(token: dict[str, object]) -> None:
    assert faults(**USER) == (
        (
            "smtp_username (flag --smtp-username): AUTH takes a password or a token beside the name: 'u'. "
            "Give smtp_password, smtp_token_file or smtp_token_command."
        ),
    )
    for secret in (PASSWORD, token, COMMAND):
        (name,) = secret
        assert faults(**secret) == (
            f"smtp_username (not given): AUTH takes a name beside {name}. Give the account's name.",
        )
        assert load(**USER, **secret).smtp_username == "u"


def test_only_one_secret_may_be_given(token: dict[str, object]) -> None:
    assert faults(**USER, **PASSWORD, **token, **COMMAND) == (
        (
            "smtp_token_file (flag --smtp-token-file): smtp_password is given too: 'token'. "
            f"Give only one of {ALL}."
        ),
        (
            "smtp_token_command (flag --smtp-token-command): smtp_password is given too: "
            f"the value is not shown. Give only one of {ALL}."
        ),
    )
    assert faults(**USER, **token, **COMMAND) == (
        (
            "smtp_token_command (flag --smtp-token-command): smtp_token_file is given too: "
            f"the value is not shown. Give only one of {ALL}."
        ),
    )


@pytest.mark.parametrize("auth", ["plain", "LOGIN", "scram-sha-256"])
def test_a_mechanism_with_a_password_takes_no_token(auth: str) -> None:
    assert load(**USER, **PASSWORD, smtp_auth=auth).smtp_auth == auth.lower()
    assert faults(**USER, **COMMAND, smtp_auth=auth) == (
        (
            f"smtp_auth (flag --smtp-auth): it takes a password, and none is given: {auth!r}. "
            "Give smtp_password."
        ),
    )


@pytest.mark.parametrize("auth", ["xoauth2", "OAuthBearer"])
def test_a_mechanism_with_a_token_takes_no_password(auth: str, token: dict[str, object]) -> None:
    for secret in (token, COMMAND):
        assert load(**USER, **secret, smtp_auth=auth).smtp_auth == auth.lower()
    for wrong in ({**USER, **PASSWORD}, USER, {}):
        assert faults(**wrong, smtp_auth=auth) == (
            (
                f"smtp_auth (flag --smtp-auth): it takes a token, and none is given: {auth!r}. "
                "Give smtp_token_file or smtp_token_command."
            ),
        )


def test_one_broken_secret_is_one_fault() -> None:
    assert faults(**USER, smtp_token_file="gone", smtp_auth="xoauth2") == (
        (
            "smtp_token_file (flag --smtp-token-file): there is no such file, or it may not be read: 'gone'. "
            "Give the path of a readable file."
        ),
    )


@pytest.mark.parametrize("tls", ["none", "opportunistic"])
@pytest.mark.parametrize("secret", [PASSWORD, COMMAND])
def test_no_secret_is_said_over_an_unverified_connection_unless_allowed(
    tls: str, secret: dict[str, object]
) -> None:
    assert faults(**USER, **secret, smtp_tls=tls) == (
        (
            f"smtp_allow_plaintext_auth (not given): with smtp_tls = {tls} the password or token could be "
            "read on its way. Give smtp_tls = starttls or implicit, or no smtp_username, or true to allow it "
            "by name."
        ),
    )
    assert load(**USER, **secret, smtp_tls=tls, smtp_allow_plaintext_auth="true").smtp_tls == tls
    assert load(smtp_tls=tls).smtp_allow_plaintext_auth is False


def test_a_command_is_split_as_a_shell_would_or_given_as_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    words = (sys.executable, "-c", "print('a b')")
    monkeypatch.setenv("OUTBOX_SMTP_TOKEN_COMMAND", f"{sys.executable} -c \"print('a b')\"")
    assert load(**USER).smtp_token_command == words
    monkeypatch.delenv("OUTBOX_SMTP_TOKEN_COMMAND")
    Path("outbox.toml").write_text(f"smtp_username = 'u'\nsmtp_token_command = {list(words)}")
    assert load().smtp_token_command == words


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("gone --now", "there is no such program, or it may not be run"),
        ("./token", "there is no such program, or it may not be run"),
        ("echo 'half", "No closing quotation"),
        (["echo", 1], "not usable"),
        (7, "not usable"),
    ],
)
def test_a_command_that_cannot_run_is_refused_unshown(command: object, problem: str) -> None:
    Path("token").write_text("not executable")
    assert faults(**USER, smtp_token_command=command) == (
        (
            f"smtp_token_command (flag --smtp-token-command): {problem}: the value is not shown. "
            "Give a program and its arguments, quoted as for a shell, or as a list."
        ),
    )
