"""The settings of several relays: a table for each, by the rules for the one relay of `smtp_*`."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

from pydantic import ValidationError, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from outbox.errors import shown
from outbox.mail.stream import DEFAULT, Stream
from outbox.settings.closest import one_of
from outbox.settings.fault import TablesError, sentence
from outbox.settings.field import UnfitError, setting
from outbox.settings.login import LoginSettings
from outbox.settings.told import ToldSettings

_SCHEMES = {
    "smtp": ("smtp", "none"),
    "smtp+starttls": ("smtp", "starttls"),
    "smtps": ("smtp", "implicit"),
    "lmtp": ("lmtp", "none"),
}
_PREFIX = "smtp_"
_GIVE_URL = (
    "a URL such as smtp+starttls://user@mail.example.org:587, smtps://, smtp:// or lmtp://, and no more"
)
_GIVE_NAME = "names of at most 64 printable characters without a space, such as main"
_NAME = re.compile(r"[!-~]{1,64}")
_USER = re.compile(r"//[^@/]*@")

Fault = tuple[str, str]
"""The path of what is wrong, as `relays.main.url`, and a sentence."""


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
        faults = [] if streams is None or not relays else list(_misfits(list(relays), streams))
        if faults:
            raise TablesError(faults)
        return relays


def read_tables(given: object) -> dict[str, object] | None:
    """Return the tables by the names of the relays, from JSON, too; None where they are none."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            return None
    return {str(name): table for name, table in given.items()} if isinstance(given, Mapping) else None


def without_logins(given: object) -> object:
    """Return the tables with what names their relays alone, and no user, secret or file."""
    tables = read_tables(given)
    if tables is None:
        return given
    return {name: _named(table) if isinstance(table, Mapping) else table for name, table in tables.items()}


def _named(table: Mapping[str, object]) -> dict[str, object]:
    kept = {key: table[key] for key in ("url", "tls") if key in table}
    if isinstance(url := kept.get("url"), str):
        kept["url"] = _USER.sub("//", url, count=1)
    return kept


def _relay(name: str, table: object, faults: list[Fault]) -> RelayTable | None:
    """Return what a table says; add to `faults` what is wrong with it."""
    path = f"relays.{name}"
    if not _NAME.fullmatch(name):
        faults.append((path, f"{shown(name)} is no name of a relay. Give {_GIVE_NAME}."))
    if not isinstance(table, Mapping):
        faults.append((path, "this is no table. Give a table with url, and what else it needs."))
        return None
    unknown = sorted(set(table) - set(KEYS))
    faults += [(f"{path}.{key}", f"there is no such key. {one_of(key, KEYS)}") for key in unknown]
    values = {key: table[key] for key in table.keys() & set(KEYS) - {"url"}}
    try:
        values |= _told_by_url(table.get("url"), values)
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


def _told_by_url(url: object, beside: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the URL of a relay says; raise UnfitError, which never shows a password."""
    if not isinstance(url, str):
        raise UnfitError("it is missing, or no text", _GIVE_URL)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UnfitError("its host or port is not usable", _GIVE_URL) from error
    if parts.password is not None:
        raise UnfitError("a password stands in it, where logs and pages would show it", "password beside it")
    if parts.scheme not in _SCHEMES:
        raise UnfitError(f"{shown(url)} has another scheme than {', '.join(_SCHEMES)}", _GIVE_URL)
    if not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise UnfitError(f"{shown(url)} has no host, or more than a host and a port", _GIVE_URL)
    protocol, tls = _SCHEMES[parts.scheme]
    if "tls" in beside and tls != "none":
        raise UnfitError(f"{parts.scheme}:// says what tls says, too", "tls beside smtp:// or lmtp:// only")
    if parts.username and "username" in beside:
        raise UnfitError("username is given, too", "the name in one of both places")
    told = {"host": parts.hostname, "protocol": protocol, "tls": tls, "port": port}
    told["username"] = unquote(parts.username) if parts.username else None
    return {key: value for key, value in told.items() if value is not None and key not in beside}


def _misfits(relays: list[str], streams: Mapping[str, Stream]) -> Iterator[Fault]:
    """Yield where streams name no relay, or one that there is not, and relays that no stream names."""
    named = {DEFAULT: Stream(), **streams}
    for stream, meant in named.items():
        for relay in meant.relays:
            if relay not in relays:
                hint = one_of(relay, relays)
                yield f"streams.{stream}.relay", f"[relays] has no {shown(relay)}. {hint}"
    if len(relays) == 1:
        return
    if not named[DEFAULT].relays:
        order = json.dumps(relays)
        yield f"streams.{DEFAULT}.relay", f"there are several relays. Give their order, such as {order}."
    for relay in relays:
        if not any(relay in stream.relays for stream in named.values()):
            yield f"relays.{relay}", "no stream names it. Name it in one's relay, or remove it."
