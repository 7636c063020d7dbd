"""The settings of what is sent to whom: streams, the environment, and the guards against mistakes."""

from typing import Annotated

from pydantic import field_validator
from pydantic_settings import BaseSettings, NoDecode

from outbox.errors import InvalidEmailError, shown
from outbox.mail.address import parse_address
from outbox.mail.stream import Stream
from outbox.settings.field import setting
from outbox.settings.hosts import is_domain
from outbox.settings.relay_place import LONGEST_NAME, is_short_name
from outbox.settings.stream_tables import read_streams

_LONGEST_STORM = 2_592_000


class QueueSettings(BaseSettings):
    """Which mail this daemon sends, how much of each stream, and what it must not send."""

    relay_name: str | None = setting(
        None,
        "The name of this daemon's one relay: it serves the streams that name it. Without one it serves "
        "those that name none, and its relay is called by host and port.",
        f"a name of at most {LONGEST_NAME} printable characters, such as ses",
    )
    streams: Annotated[dict[str, Stream], NoDecode] = setting(
        dict,
        "What the names of streams mean: a table of relay (a name, or several in order), weight (its share "
        "beside others of its class, 1), priority (high, normal or low), and its limits rate, burst and "
        "quota (as smtp_rate and so on) for each; what is not named means what default means, with limits of "
        "its own.",
        "tables [streams.NAME] with relay, weight, priority, rate, burst and quota in outbox.toml, or the "
        "same as JSON",
    )
    environment: str | None = setting(
        None,
        "The environment that this daemon belongs to; the database must be of the same one.",
        f"a name of at most {LONGEST_NAME} printable characters, such as production",
    )
    redirect_all_to: str | None = setting(
        None,
        "An address that gets all mail in place of its recipients, for systems that must not write to them.",
        "one address",
    )
    allowed_domains: Annotated[tuple[str, ...], NoDecode] = setting(
        (),
        "The domains that may be written to; mail to any other is held, or goes to redirect_all_to.",
        "domains, separated by ',' or as a list",
    )
    storm_limit: int = setting(
        1000,
        "The most mails to one address within storm_period; the rest is held. 0 means any number.",
        "a whole number of at least 0",
        ge=0,
    )
    storm_period: float = setting(
        3600,
        "The time in which storm_limit counts.",
        f"a number of seconds from 1 to {_LONGEST_STORM} (30 days), such as 3600",
        ge=1,
        le=_LONGEST_STORM,
    )

    @field_validator("relay_name", "environment")
    @classmethod
    def _is_a_short_name(cls, name: str | None) -> str | None:
        if name is not None and not is_short_name(name):
            raise ValueError("this is no name")
        return name

    @field_validator("streams", mode="before")
    @classmethod
    def _are_streams(cls, given: object) -> object:
        return read_streams(given)

    @field_validator("redirect_all_to")
    @classmethod
    def _is_an_address(cls, address: str | None) -> str | None:
        if address is None:
            return None
        try:
            return parse_address("redirect_all_to", address).email
        except InvalidEmailError as error:
            raise ValueError("this is no address") from error

    @field_validator("allowed_domains", mode="before")
    @classmethod
    def _split_domains(cls, domains: object) -> object:
        return [each.strip() for each in domains.split(",")] if isinstance(domains, str) else domains

    @field_validator("allowed_domains")
    @classmethod
    def _are_domains(cls, domains: tuple[str, ...]) -> tuple[str, ...]:
        for domain in domains:
            if not is_domain(domain):
                raise ValueError(f"{shown(domain)} is no domain")
        return tuple(domain.lower() for domain in domains)
