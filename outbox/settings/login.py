"""The settings of AUTH: who we are to the relay, and what must fit together before a secret is said."""

import shlex
import shutil
from typing import Annotated, Any, Literal

from pydantic import SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from outbox.settings.field import ReadableFile, setting
from outbox.settings.pool import PoolSettings
from outbox.settings.unfit import UnfitError

_SECRETS = ("smtp_password", "smtp_token_file", "smtp_token_command")
_BY_TOKEN = {"xoauth2", "oauthbearer"}
_UNVERIFIED = {"none", "opportunistic"}


class LoginSettings(PoolSettings):
    """How AUTH is done. A check sees only what stands above its field, so the secrets come first."""

    smtp_password: SecretStr | None = setting(
        None, "The password for AUTH.", "the account's password", repr=False
    )
    smtp_token_file: ReadableFile | None = setting(
        None,
        "A file that holds the OAuth 2.0 access token for AUTH, kept fresh by somebody else.",
        "the path of a readable file",
    )
    smtp_token_command: Annotated[tuple[str, ...], NoDecode] = setting(
        (),
        "A command that prints the OAuth 2.0 access token for AUTH; it runs without a shell.",
        "a program and its arguments, quoted as for a shell, or as a list",
        repr=False,
    )
    smtp_auth: Literal["auto", "plain", "login", "scram-sha-256", "xoauth2", "oauthbearer"] = setting(
        "auto",
        "The mechanism of AUTH; with auto the best that the relay offers for a password, or for a token.",
        "auto, plain, login, scram-sha-256, xoauth2 or oauthbearer",
    )
    smtp_username: str | None = setting(None, "The name for AUTH; none means no AUTH.", "the account's name")
    smtp_allow_plaintext_auth: bool = setting(
        default=False,
        what="Say the password or token also over a connection that is not encrypted, or not verified.",
        give="true or false",
    )

    @field_validator("smtp_token_command", mode="before")
    @classmethod
    def _split_words(cls, command: object) -> object:
        return shlex.split(command) if isinstance(command, str) else command

    @field_validator("smtp_token_command")
    @classmethod
    def _names_a_program(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        # Now, and in words: later it would be a fault of every connection.
        if command and shutil.which(command[0]) is None:
            raise ValueError("there is no such program, or it may not be run")
        return command

    @field_validator("smtp_token_file", "smtp_token_command")
    @classmethod
    def _is_the_only_secret(cls, value: Any, info: ValidationInfo) -> Any:
        others = [name for name in _SECRETS if name != info.field_name and info.data.get(name)]
        if value and others:
            raise UnfitError(f"{others[0]} is given too", f"only one of {', '.join(_SECRETS)}")
        return value

    @field_validator("smtp_auth", mode="before")
    @classmethod
    def _in_lower_case(cls, name: object) -> object:
        return name.lower() if isinstance(name, str) else name

    @field_validator("smtp_auth")
    @classmethod
    def _has_its_kind_of_secret(cls, auth: str, info: ValidationInfo) -> str:
        if auth == "auto" or not info.data.keys() >= set(_SECRETS):
            return auth
        if auth in _BY_TOKEN and not (info.data["smtp_token_file"] or info.data["smtp_token_command"]):
            raise UnfitError("it takes a token, and none is given", "smtp_token_file or smtp_token_command")
        if auth not in _BY_TOKEN and info.data["smtp_password"] is None:
            raise UnfitError("it takes a password, and none is given", "smtp_password")
        return auth

    @field_validator("smtp_username")
    @classmethod
    def _is_a_pair(cls, username: str | None, info: ValidationInfo) -> str | None:
        if not info.data.keys() >= {*_SECRETS, "smtp_auth"}:
            return username
        secrets = [name for name in _SECRETS if info.data[name]]
        if username is None and secrets:
            raise ValueError(f"AUTH takes a name beside {secrets[0]}")
        if username is not None and not secrets:
            raise UnfitError(
                "AUTH takes a password or a token beside the name",
                f"{', '.join(_SECRETS[:2])} or {_SECRETS[2]}",
            )
        return username

    @field_validator("smtp_allow_plaintext_auth")
    @classmethod
    def _guards_the_secret(cls, allowed: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 -- pydantic's
        tls = info.data.get("smtp_tls")
        if not allowed and info.data.get("smtp_username") is not None and tls in _UNVERIFIED:
            raise UnfitError(
                f"with smtp_tls = {tls} the password or token could be read on its way",
                "smtp_tls = starttls or implicit, or no smtp_username, or true to allow it by name",
            )
        return allowed
