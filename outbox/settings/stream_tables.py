"""What the tables of streams say, by the rules that the setting `streams` has for them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from outbox.errors import InvalidEmailError, shown
from outbox.mail.stream import Priority, Stream, checked_stream
from outbox.settings import limit
from outbox.settings.closest import one_of
from outbox.settings.unfit import TablesError, UnfitError

_LIGHTEST, _HEAVIEST = 0.001, 1000
_KEYS = ("relay", "weight", "priority", *limit.KEYS)


def read_streams(given: object) -> dict[str, Stream]:
    """Return what tables, or the same as JSON, say of streams; raise ValueError or TablesError."""
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
