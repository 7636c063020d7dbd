"""The settings of the connections to a relay: whence they come, and how long each is kept."""

from pydantic import field_validator

from outbox.settings.field import seconds, setting
from outbox.settings.hosts import is_ip
from outbox.settings.relay import RelaySettings


class PoolSettings(RelaySettings):
    """When a connection is replaced by a fresh one; servers close what is idle or old, or carried much."""

    smtp_source: str | None = setting(
        None,
        "The address of this host that connections to the relay come from; none leaves it to the system.",
        "an IP address of this host, such as 192.0.2.1",
    )
    smtp_idle: float = seconds(30, "How long a connection without work is kept.", least=0)
    smtp_age: float = seconds(300, "How long a connection is used; then another takes its place.", least=1)
    smtp_mails_per_connection: int | None = setting(
        None,
        "How many mails go over one connection before another takes its place; none means any number.",
        "a whole number of at least 1",
        ge=1,
    )

    @field_validator("smtp_source")
    @classmethod
    def _is_an_ip_address(cls, source: str | None) -> str | None:
        if source is not None and not is_ip(source):
            raise ValueError("this is no IP address")
        return source
