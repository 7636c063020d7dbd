"""The settings of what is sent to whom: streams, the environment, and the guards against mistakes."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import field_validator
from pydantic_settings import BaseSettings, NoDecode

from outbox.errors import InvalidEmailError, shown
from outbox.mail.address import parse_address
from outbox.mail.stream import Priority, Stream, checked_stream
from outbox.settings import limit
from outbox.settings.closest import one_of
from outbox.settings.fault import TablesError
from outbox.settings.field import UnfitError, setting
from outbox.settings.hosts import is_domain

_LONGEST = 64
_LONGEST_STORM = 2_592_000
_LIGHTEST, _HEAVIEST = 0.001, 1000
_KEYS = ("relay", "weight", "priority", *limit.KEYS)


class QueueSettings(BaseSettings):
    """Which mail this daemon sends, how much of each stream, and what it must not send."""

    relay_name: str | None = setting(
        None,
        "The name of this daemon's one relay: it serves the streams that name it. Without one it serves "
        "those that name none, and its relay is called by host and port.",
        f"a name of at most {_LONGEST} printable characters, such as ses",
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
        f"a name of at most {_LONGEST} printable characters, such as production",
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
        if name is not None and not (
            name.isprintable() and name.strip() == name and 0 < len(name) <= _LONGEST
        ):
            raise ValueError("this is no name")
        return name

    @field_validator("streams", mode="before")
    @classmethod
    def _are_streams(cls, given: object) -> object:
        if isinstance(given, str):
            try:
                given = json.loads(given)
            except ValueError as error:
                raise ValueError(f"this is no JSON ({error})") from error
        if not isinstance(given, Mapping):
            raise ValueError("these are no tables")  # noqa: TRY004 - pydantic takes no TypeError
        faults: list[str] = []
        streams = {name: _stream(name, table, faults) for name, table in given.items()}
        if faults:
            raise TablesError([("streams", each) for each in faults])
        return streams

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


def _stream(name: str, table: object, faults: list[str]) -> Stream:
    """Return what a table says of a stream; add to `faults` all that is wrong with it, by stream and key."""
    told = Stream()
    if not isinstance(table, Mapping):
        faults.append(f"{name} is no table. Give a table with any of {', '.join(_KEYS)}.")
        return told
    unknown = sorted(set(table) - set(_KEYS))
    faults += [f"{name}.{key}: there is no such key. {one_of(key, _KEYS)}" for key in unknown]
    checks: dict[str, Callable[[str, Mapping[str, object]], Any]] = {
        "name": _named,
        "relays": _relays,
        "weight": _weight,
        "priority": _priority,
        "limit": limit.limit_in,
    }
    for field, check in checks.items():
        try:
            value = check(name, table)
        except UnfitError as error:
            faults.append(f"{error}. Give {error.give}.")
        else:
            told = told if field == "name" else replace(told, **{field: value})
    return told


def _named(name: str, _table: Mapping[str, object]) -> str:
    try:
        return checked_stream(name)
    except InvalidEmailError as error:
        raise UnfitError(f"{shown(name)} is no name of a stream", "names without a space") from error


def _weight(stream: str, table: Mapping[str, object]) -> float:
    weight = table.get("weight", 1.0)
    is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
    if not (is_number and _LIGHTEST <= float(str(weight)) <= _HEAVIEST):
        give = f"a number from {_LIGHTEST} to {_HEAVIEST}"
        raise UnfitError(f"{stream}.weight: {shown(weight)} is no weight", give)
    return float(str(weight))


def _priority(stream: str, table: Mapping[str, object]) -> Priority:
    priority = table.get("priority", "normal")
    if priority not in [each.value for each in Priority]:
        raise UnfitError(f"{stream}.priority: {shown(priority)} is none", "high, normal or low")
    return Priority(str(priority))


def _relays(stream: str, table: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names of relays in their order, given as a list, as one name or not, or raise UnfitError."""
    given = table.get("relay")
    if given is None:
        return ()
    names = [given] if isinstance(given, str) else given
    give = "the name of a relay, or a list of such names, the preferred one first"
    if not isinstance(names, list | tuple):
        raise UnfitError(f"{stream}.relay: {shown(given)} is no name", give)
    for name in names:
        if not (isinstance(name, str) and name):
            raise UnfitError(f"{stream}.relay: {shown(name)} is no name", give)
        if names.count(name) > 1:
            raise UnfitError(f"{stream}.relay: {shown(name)} is there twice", give)
    return tuple(names)
