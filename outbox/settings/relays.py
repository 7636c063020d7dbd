"""The settings of several relays: a table for each, by the rules for the one relay of `smtp_*`."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import ValidationError, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from outbox.errors import shown
from outbox.settings.closest import one_of
from outbox.settings.fault import sentence
from outbox.settings.field import setting
from outbox.settings.login import LoginSettings
from outbox.settings.relay_tables import Fault, is_name, misfits, read_tables, told_by_url
from outbox.settings.told import ToldSettings
from outbox.settings.unfit import TablesError, UnfitError

_PREFIX = "smtp_"
_GIVE_NAME = "names of at most 64 printable characters without a space, such as main"


class RelayTable(LoginSettings):
    """What one table says, under the names of the settings of the one relay."""

    max_connections: int | None = setting(
        None, "Connections to this relay at once.", "a whole number from 1 to 100", ge=1, le=100
    )


_FIELDS = {name.removeprefix(_PREFIX): name for name in RelayTable.model_fields}
_OF_THE_URL = ("host", "port", "protocol")
KEYS = ("url", *(key for key in _FIELDS if key not in _OF_THE_URL))
"""What a table may say."""


class RelaysSettings(ToldSettings):
    """Through which relays mail goes. The value is shown nowhere: it holds passwords."""

    relays: Annotated[dict[str, RelayTable], NoDecode] = setting(
        dict,
        "The relays of this daemon, in place of the one of smtp_*: a table for each, with its url and "
        "what the settings smtp_* say, without that prefix. Streams name them in order.",
        "tables [relays.NAME] with url in outbox.toml, or the same as JSON",
        repr=False,
    )

    @field_validator("relays", mode="before")
    @classmethod
    def _are_relays(cls, given: object) -> object:
        tables = read_tables(given)
        if tables is None:
            raise ValueError("these are no tables, or no JSON")
        faults: list[Fault] = []
        relays = {name: _relay(name, table, faults) for name, table in tables.items()}
        if faults:
            raise TablesError(faults)
        return relays

    @field_validator("relays")
    @classmethod
    def _fit_the_streams(cls, relays: dict[str, RelayTable], info: ValidationInfo) -> dict[str, RelayTable]:
        streams = info.data.get("streams")
        faults = [] if streams is None or not relays else list(misfits(list(relays), streams))
        if faults:
            raise TablesError(faults)
        return relays


def _relay(name: str, table: object, faults: list[Fault]) -> RelayTable | None:
    """Return what a table says; add to `faults` what is wrong with it."""
    path = f"relays.{name}"
    if not is_name(name):
        faults.append((path, f"{shown(name)} is no name of a relay. Give {_GIVE_NAME}."))
    if not isinstance(table, Mapping):
        faults.append((path, "this is no table. Give a table with url, and what else it needs."))
        return None
    unknown = sorted(set(table) - set(KEYS))
    faults += [(f"{path}.{key}", f"there is no such key. {one_of(key, KEYS)}") for key in unknown]
    values = {key: table[key] for key in table.keys() & set(KEYS) - {"url"}}
    try:
        values |= told_by_url(table.get("url"), values)
    except UnfitError as error:
        faults.append((f"{path}.url", f"{error}. Give {error.give}."))
        return None
    try:
        return RelayTable(**{_FIELDS[key]: value for key, value in values.items()})
    except ValidationError as error:
        unmade = "default_factory_not_called"  # echoes a fault in what this default needs
        faults += [_fault(path, each, values) for each in error.errors() if each["type"] != unmade]
        return None


def _fault(path: str, error: Any, values: Mapping[str, Any]) -> Fault:
    field = RelayTable.model_fields[name := str(error["loc"][0])]
    key = name.removeprefix(_PREFIX)
    told = sentence(error, field, values.get(key), given=key in values, hidden=not field.repr)
    # The rules are those of the settings smtp_*, and so are the names in their words.
    return f"{path}.{'url' if key in _OF_THE_URL else key}", re.sub(rf"\b{_PREFIX}", "", told)
