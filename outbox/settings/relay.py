"""The settings of the relay: where it is, how the connection is made private, what is asked of it."""

import re
from typing import Annotated, Literal

from pydantic import ValidationInfo, field_validator
from pydantic_settings import NoDecode

from outbox.mail.headers import remedy_for_ours
from outbox.settings.field import ReadableFile, setting
from outbox.settings.hosts import is_domain, is_ip
from outbox.settings.limit import GIVE_COUNT, GIVE_RATE, checked_rate
from outbox.settings.relay_place import HOST, PROTOCOL, TLS, Protocol, Tls, is_host, usual_port
from outbox.settings.told import ToldSettings
from outbox.settings.unfit import UnfitError

_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")


class RelaySettings(ToldSettings):
    """The server that we hand mail to. A check sees only what stands above its field."""

    smtp_host: str = setting(HOST, "The relay's host.", "a host name or an IP address, without a port")
    smtp_protocol: Protocol = setting(
        PROTOCOL, "What the relay speaks: SMTP, or LMTP (RFC 2033) as a mail store does.", "smtp or lmtp"
    )
    smtp_tls: Tls = setting(
        TLS,
        "How the connection to the relay is encrypted; with opportunistic only where it offers that, and "
        "without verifying it.",
        "starttls, implicit, opportunistic or none",
    )
    smtp_port: int = setting(
        lambda data: usual_port(data.get("smtp_protocol"), data.get("smtp_tls")),
        "The relay's TCP port; by default 587 with starttls, 465 with implicit and 25 with the others; "
        "24 with smtp_protocol = lmtp, whatever smtp_tls is.",
        "a whole number from 1 to 65535",
        ge=1,
        le=65535,
    )
    smtp_ca_file: ReadableFile | None = setting(
        None,
        "The certificates (PEM) that the relay's own must descend from; none means the system's.",
        "the path of a readable PEM file",
    )
    smtp_tls_name: str | None = setting(
        None,
        "The name that the relay's certificate must hold; none means smtp_host.",
        "a host name or an IP address",
    )
    smtp_client_cert: ReadableFile | None = setting(
        None,
        "Our own certificate (PEM), for relays that ask for one.",
        "the path of a readable PEM file",
    )
    smtp_client_key: ReadableFile | None = setting(
        None,
        "The key (PEM) of smtp_client_cert; none means that the same file holds it.",
        "the path of a readable PEM file",
    )
    smtp_hello: str | None = setting(
        None,
        "The name this host gives in EHLO; by default its own.",
        "a host name of letters, digits and '-', or an address as [192.0.2.1]",
    )
    smtp_pipelining: Literal["auto", "mail", "off"] = setting(
        "auto",
        "How far we write ahead of the relay's answers, where it offers that: with auto the next mail rides "
        "behind the end of this one, with mail only the commands of one mail share a write.",
        "auto, mail or off",
    )
    smtp_dsn_notify: Annotated[tuple[Literal["never", "success", "failure", "delay"], ...], NoDecode] = (
        setting(
            (),
            "Which delivery reports are asked for (RFC 3461), where the relay offers them; none leaves it to "
            "the relay.",
            "never alone, or any of success, failure and delay, separated by ',' or as a list",
        )
    )
    smtp_dsn_return: Literal["headers", "full"] = setting(
        "headers", "How much of the mail a report of failure brings back.", "headers or full"
    )
    smtp_idempotency_header: str | None = setting(
        None,
        "The header by which this relay recognises a mail that it has taken before.",
        "a header's name of letters, digits and '-', such as Resend-Idempotency-Key",
    )

    smtp_rate: str | None = setting(
        None,
        "The most envelope recipients that all daemons together send this relay in a time; none means any "
        "number.",
        GIVE_RATE,
    )
    smtp_burst: int | None = setting(
        None,
        "The most recipients at once, and in one transaction, within smtp_rate; by default those of a tenth "
        "of a second, and at least one.",
        GIVE_COUNT,
        ge=1,
    )
    smtp_quota: int | None = setting(
        None,
        "The most recipients a day, by UTC; the rest waits for the next. None means any number.",
        GIVE_COUNT,
        ge=1,
    )

    @field_validator("smtp_rate")
    @classmethod
    def _is_a_rate(cls, rate: str | None) -> str | None:
        return checked_rate(rate)

    @field_validator("smtp_burst")
    @classmethod
    def _bursts_within_a_rate(cls, burst: int | None, info: ValidationInfo) -> int | None:
        if burst is not None and info.data.get("smtp_rate", "") is None:
            raise UnfitError("there is no rate to burst within", "smtp_rate with it")
        return burst

    @field_validator("smtp_host")
    @classmethod
    def _is_a_host(cls, host: str) -> str:
        if not is_host(host):
            raise ValueError("this is no host")
        return host

    @field_validator("smtp_tls_name")
    @classmethod
    def _is_a_name(cls, name: str | None) -> str | None:
        if name is not None and not (is_domain(name) or is_ip(name)):
            raise ValueError("no certificate holds such a name")
        return name

    @field_validator("smtp_client_key")
    @classmethod
    def _has_its_certificate(cls, key: ReadableFile | None, info: ValidationInfo) -> ReadableFile | None:
        if key is not None and info.data.get("smtp_client_cert", key) is None:
            raise UnfitError("a key is of no use without its certificate", "smtp_client_cert with it")
        return key

    @field_validator("smtp_hello")
    @classmethod
    def _is_a_hello(cls, name: str | None) -> str | None:
        if name is None:
            return None
        literal = name[1:-1].removeprefix("IPv6:") if name[:1] == "[" and name[-1:] == "]" else None
        if not (is_ip(literal) if literal is not None else is_domain(name)):
            raise ValueError("relays would refuse this name")
        return name

    @field_validator("smtp_dsn_notify", mode="before")
    @classmethod
    def _split(cls, reports: object) -> object:
        return [each.strip().lower() for each in reports.split(",")] if isinstance(reports, str) else reports

    @field_validator("smtp_dsn_notify")
    @classmethod
    def _never_stands_alone(cls, reports: tuple[str, ...]) -> tuple[str, ...]:
        once = tuple(dict.fromkeys(reports))
        if "never" in once and len(once) > 1:
            raise ValueError("never excludes every other report")  # RFC 3461 §4.1
        return once

    @field_validator("smtp_dsn_return")
    @classmethod
    def _returns_what_was_asked_for(cls, part: str, info: ValidationInfo) -> str:
        if part == "full" and info.data.get("smtp_dsn_notify") == ():
            raise UnfitError("no reports are asked for", "smtp_dsn_notify with it")
        return part

    @field_validator("smtp_idempotency_header")
    @classmethod
    def _is_a_free_header(cls, name: str | None) -> str | None:
        if name is not None and not _HEADER.fullmatch(name):
            raise ValueError("this is no header's name")
        if name is not None and remedy_for_ours(name):
            raise ValueError("this header is written by the outbox or by relays")
        return name
