"""The settings of the daemon itself: its database, its pace, its log."""

import math
import os
from pathlib import Path
from typing import Literal

from pydantic import SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from outbox.settings.field import KeptFor, kept, seconds, setting
from outbox.settings.listen import GIVE, parse_listen
from outbox.store.url import DEFAULT_URL, usable_url


def _of_systemd() -> Path | None:
    """Return the first StateDirectory of the unit that runs us (systemd.exec(5))."""
    first = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(first) if first else None


class DaemonSettings(BaseSettings):
    """Where the queue is, and how it is worked."""

    database_url: str = setting(
        DEFAULT_URL,
        "The database that holds the outbox, as an SQLAlchemy URL.",
        "a URL such as postgresql://user@host/name, mariadb://user@host/name or sqlite:////path/file.sqlite3",
        repr=False,
    )
    connections: int = setting(
        4, "Connections to a relay at once.", "a whole number from 1 to 100", ge=1, le=100
    )
    poll_interval: float = seconds(0.5, "The longest wait between two looks into the queue.", least=0.01)
    lease_ttl: float = seconds(60, "A daemon silent for so long is declared lost.", least=1)
    retry_base: float = seconds(300, "The wait before the first retry; it doubles.", least=0.01)
    retry_cap: float = seconds(4000, "The longest wait between two tries.", least=0.01)
    doubt_pause: float = seconds(600, "The wait before a mail in doubt is sent again.", least=0)
    state_dir: Path | None = setting(
        _of_systemd,
        "A directory of this daemon alone for its journal; under systemd the unit's StateDirectory. "
        "Without one nothing is kept, and what a killed daemon had in hand waits for its lease.",
        "the path of a directory that exists and that the daemon may write to",
    )
    keep_bodies: KeptFor = kept(
        "30d",
        "How long after its end the body of a mail is kept; a failed one cannot be tried again without it.",
    )
    keep_finished: KeptFor = kept(
        "90d",
        "How long after its end all of a mail is kept; its idempotency key goes with it. The rows of daemons "
        "that have ended are kept as long, and 30 days at least.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = setting(
        "INFO", "What is logged, from this level up.", "debug, info, warning or error"
    )
    log_format: Literal["auto", "console", "json", "journald"] = setting(
        "auto",
        "How it is logged: lines for people (console), an object a line (json), or lines with a priority "
        "(journald); auto is journald where stderr goes to the journal, else console.",
        "auto, console, json or journald",
    )
    log_addresses: bool = setting(
        default=False,
        what="Whether the log shows addresses, and what relays say of single mails; else it names ids.",
        give="true or false",
    )
    log_address_key: SecretStr | None = setting(
        None,
        "A secret by which the log, where it shows no addresses, gives each recipient a tag, the same in all "
        "lines (HMAC-SHA256).",
        "at least 16 random characters, such as openssl rand -hex 32 prints",
        min_length=16,
        repr=False,
    )
    metrics_listen: str | None = setting(
        None,
        "Where metrics and health are served, on loopback only (needs the extra metrics); none is nowhere.",
        GIVE,
    )

    @field_validator("database_url")
    @classmethod
    def _name_the_driver(cls, url: str) -> str:
        return usable_url(url)

    @field_validator("retry_cap")
    @classmethod
    def _is_above_its_base(cls, cap: float, info: ValidationInfo) -> float:
        if cap < info.data.get("retry_base", -math.inf):
            raise ValueError("it is below retry_base")
        return cap

    @field_validator("metrics_listen")
    @classmethod
    def _is_loopback(cls, listen: str | None) -> str | None:
        if listen is not None:
            parse_listen(listen)
        return listen

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _in_any_case(cls, word: object, info: ValidationInfo) -> object:
        if not isinstance(word, str):
            return word
        return word.upper() if info.field_name == "log_level" else word.lower()
