"""Every setting: its type, its default, its limits, and what a person is told about it."""

import math
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from outbox.settings.hosts import is_domain, is_ip, own_hello

PREFIX = "OUTBOX_"
_PORTS = {"starttls": 587, "implicit": 465, "none": 25}
# A driverless URL means another driver to SQLAlchemy, for MySQL one without wheels for Linux.
_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}


def _setting(default: Any, what: str, give: str, **limits: Any) -> Any:
    """Declare a field: `what` it is (help and reference), and what to `give` (the remedy of a fault)."""
    source = {"default_factory": default} if callable(default) else {"default": default}
    return Field(description=what, json_schema_extra={"give": give}, **source, **limits)


def _seconds(default: float, what: str, *, least: float) -> Any:
    give = f"a number of seconds of at least {least:g}, such as {default:g}"
    return _setting(default, what, give, ge=least, allow_inf_nan=False)


class Settings(BaseSettings):
    """All that the daemon can be told. Times are seconds, sizes bytes; make it with `load`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    database_url: str = _setting(
        "sqlite:///outbox.sqlite3",
        "The database that holds the outbox, as an SQLAlchemy URL.",
        "a URL such as postgresql://user@host/name, mariadb://user@host/name or sqlite:////path/file.sqlite3",
        repr=False,
    )
    smtp_host: str = _setting(
        "localhost", "The relay's host.", "a host name or an IP address, without a port"
    )
    smtp_tls: Literal["starttls", "implicit", "none"] = _setting(
        "starttls", "How the connection to the relay is encrypted.", "starttls, implicit or none"
    )
    smtp_port: int = _setting(
        lambda data: _PORTS.get(data.get("smtp_tls"), 587),
        "The relay's TCP port; by default 587 with starttls, 465 with implicit, 25 with none.",
        "a whole number from 1 to 65535",
        ge=1,
        le=65535,
    )
    smtp_username: str | None = _setting(None, "The name for AUTH; none means no AUTH.", "the account's name")
    smtp_password: SecretStr | None = _setting(
        None,
        "The password for AUTH.",
        "smtp_username and smtp_password together, or neither",
    )
    smtp_ca_file: Path | None = _setting(
        None,
        "The certificates (PEM) that the relay's own must descend from; none means the system's.",
        "the path of a readable PEM file",
    )
    smtp_hello: str = _setting(
        own_hello,
        "The name this host gives in EHLO; by default its own.",
        "a host name of letters, digits and '-', or an address as [192.0.2.1]",
    )
    smtp_allow_plaintext_auth: bool = _setting(
        default=False,
        what="Send the password also over a connection that is not encrypted.",
        give="true or false",
    )
    connections: int = _setting(
        4, "Connections to the relay at once.", "a whole number from 1 to 100", ge=1, le=100
    )
    poll_interval: float = _seconds(0.5, "The longest wait between two looks into the queue.", least=0.01)
    lease_ttl: float = _seconds(60, "A daemon silent for so long is declared lost.", least=1)
    retry_base: float = _seconds(300, "The wait before the first retry; it doubles.", least=0.01)
    retry_cap: float = _seconds(4000, "The longest wait between two tries.", least=0.01)
    doubt_pause: float = _seconds(600, "The wait before a mail in doubt is sent again.", least=0)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _setting(
        "INFO", "What is logged, from this level up.", "debug, info, warning or error"
    )
    # The application's side reads these three by itself; here they are only known.
    sender: str | None = _setting(None, "The sender of emails that name none.", "an address")
    templates: Annotated[tuple[Path, ...], NoDecode] = _setting(
        (), "Folders of templates, searched in order.", f"folders, separated by {os.pathsep!r} or as a list"
    )
    max_size: int | None = _setting(
        None, "The largest message that is taken, in bytes.", "a whole number of at least 1", ge=1
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 -- the names are pydantic-settings' own
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- as above
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what `load` hands over: it reads the sources itself, to know each value's origin."""
        return (init_settings,)

    @field_validator("database_url")
    @classmethod
    def _name_the_driver(cls, url: str) -> str:
        scheme, separator, rest = url.partition("://")
        if not separator:
            raise ValueError("this is no URL")
        if scheme.startswith("sqlite") and (rest in {"", "/"} or ":memory:" in rest):
            raise ValueError("a database in memory is empty for every other process")
        return f"{_DRIVERS.get(scheme, scheme)}://{rest}"

    @field_validator("smtp_host")
    @classmethod
    def _is_a_host(cls, host: str) -> str:
        if not (is_domain(host.removesuffix(".").replace("_", "x")) or is_ip(host)):
            raise ValueError("this is no host")
        return host

    @field_validator("smtp_hello")
    @classmethod
    def _is_a_hello(cls, name: str) -> str:
        literal = name[1:-1].removeprefix("IPv6:") if name[:1] == "[" and name[-1:] == "]" else None
        if not (is_ip(literal) if literal is not None else is_domain(name)):
            raise ValueError("relays would refuse this name")
        return name

    @field_validator("smtp_password")
    @classmethod
    def _is_a_pair(cls, password: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if "smtp_username" in info.data and (password is None) is not (info.data["smtp_username"] is None):
            raise ValueError("AUTH takes a name and a password, and one of the two is missing")
        return password

    @field_validator("smtp_ca_file")
    @classmethod
    def _is_readable(cls, path: Path | None) -> Path | None:
        if path is not None and not (path.is_file() and os.access(path, os.R_OK)):
            raise ValueError("there is no such file, or it may not be read")
        return path

    @field_validator("smtp_allow_plaintext_auth")
    @classmethod
    def _guards_the_password(cls, allowed: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 -- pydantic's
        if not allowed and info.data.get("smtp_username") is not None and info.data.get("smtp_tls") == "none":
            raise ValueError(
                "with smtp_tls = none the password would cross the network readably; "
                "choose starttls or implicit, or allow it by name"
            )
        return allowed

    @field_validator("retry_cap")
    @classmethod
    def _is_above_its_base(cls, cap: float, info: ValidationInfo) -> float:
        if cap < info.data.get("retry_base", -math.inf):
            raise ValueError("it is below retry_base")
        return cap

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_any_case(cls, level: object) -> object:
        return level.upper() if isinstance(level, str) else level

    @field_validator("templates", mode="before")
    @classmethod
    def _split(cls, paths: object) -> object:
        return tuple(filter(None, paths.split(os.pathsep))) if isinstance(paths, str) else paths
