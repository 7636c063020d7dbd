"""Read the settings from where they stand, keep where each came from, and report all faults at once."""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource, SecretsSettingsSource

from outbox.errors import SettingsError, shown
from outbox.settings.application import Told, application
from outbox.settings.fault import TablesError, cause_of, sentence
from outbox.settings.model import PREFIX, Settings
from outbox.settings.relays import read_tables

_CONFIG = "OUTBOX_CONFIG"
# The test suite reads these names, and starts daemons that inherit them.
_TESTS = "OUTBOX_TEST_"
_PASSWORD = re.compile(r"relays__(.+)__password")
"""The password of one of several relays, where it stands by itself: never beside what others may read."""


@dataclass(frozen=True, slots=True)
class _Given:
    """One value, as a source gave it, and the place by which a person finds it."""

    value: Any
    place: str
    shown: bool = True


def _unknown(name: str, known: list[str], place: str) -> str:
    in_capitals = {each.upper(): each for each in known}
    close = difflib.get_close_matches(name.upper(), in_capitals, n=1)
    hint = f"Did you mean {in_capitals[close[0]]}?" if close else "Remove it."
    return f"{name} ({place}): there is no such setting. {hint}"


def _flags(flags: Mapping[str, Any], faults: list[str]) -> dict[str, _Given]:
    known = list(Settings.model_fields)
    faults += [_unknown(name, known, "flag") for name in flags if name not in known]
    return {
        name: _Given(value, f"flag --{name.replace('_', '-')}")
        for name, value in flags.items()
        if name in known and value is not None
    }


def _environment(faults: list[str]) -> dict[str, _Given]:
    known = [_CONFIG, *(f"{PREFIX}{name.upper()}" for name in Settings.model_fields)]
    ours = sorted(name for name in os.environ if name.upper().startswith(PREFIX))
    passwords = {
        name.lower().removeprefix(PREFIX.lower()): _Given(
            os.environ[name], f"environment {name}", shown=False
        )
        for name in ours
        if _PASSWORD.fullmatch(name.removeprefix(PREFIX).lower()) and os.environ[name]
    }
    # No value is shown: a misspelt name may hold a password.
    faults += [
        _unknown(name, known, "environment")
        for name in ours
        if name not in known
        and not name.startswith(_TESTS)
        and not _PASSWORD.fullmatch(name.removeprefix(PREFIX).lower())
    ]
    values = EnvSettingsSource(Settings)()
    return passwords | {
        name: _Given(value, f"environment {PREFIX}{name.upper()}") for name, value in values.items()
    }


def _credentials(faults: list[str]) -> dict[str, _Given]:
    """Read what systemd's LoadCredential= laid down: files named as the variables, in lower case."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if not Path(folder or "/dev/null").is_dir():
        return {}
    prefix = PREFIX.lower()
    known = [f"{prefix}{name}" for name in Settings.model_fields]
    try:
        ours = sorted(path.name for path in Path(folder).iterdir() if path.name.lower().startswith(prefix))
        values = SecretsSettingsSource(Settings, secrets_dir=folder)()
        passwords = [name for name in ours if _PASSWORD.fullmatch(name.removeprefix(prefix))]
        values |= {
            name.removeprefix(prefix): (Path(folder) / name).read_text(encoding="utf-8").strip()
            for name in passwords
        }
    except (OSError, ValueError) as error:
        faults.append(f"CREDENTIALS_DIRECTORY (environment): {error}. Make its files readable UTF-8 text.")
        return {}
    faults += [_unknown(name, known, "credential") for name in ours if name not in [*known, *passwords]]
    # What somebody keeps as a credential is secret, also where a path was asked for.
    return {name: _Given(value, f"credential {prefix}{name}", shown=False) for name, value in values.items()}


def _file(faults: list[str]) -> dict[str, _Given]:
    named = os.environ.get(_CONFIG)
    path = Path(named or "outbox.toml")
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if named:
            faults.append(
                f"{_CONFIG} (environment): there is no file {shown(named)}. Create it, or unset this."
            )
        return {}
    except (OSError, ValueError) as error:  # faults of TOML and of UTF-8 are ValueErrors
        faults.append(f"{path}: it cannot be read: {error}. Repair it: lines of TOML as `key = value`.")
        return {}
    known = list(Settings.model_fields)
    faults += [_unknown(name, known, str(path)) for name in values if name not in known]
    return {name: _Given(value, str(path)) for name, value in values.items() if name in known}


def _told(values: Mapping[str, Told], faults: list[str]) -> dict[str, _Given]:
    known = list(Settings.model_fields)
    faults += [_unknown(name, known, told.place) for name, told in values.items() if name not in known]
    return {name: _Given(told.value, told.place) for name, told in values.items() if name in known}


def _faults(error: ErrorDetails, found: Mapping[str, _Given]) -> list[str]:
    name = str(error["loc"][0])
    field = Settings.model_fields[name]
    given = found.get(name)
    place = "not given" if given is None else given.place
    if isinstance(cause := cause_of(error), TablesError):
        return [f"{path} ({place}): {told}" for path, told in cause.faults]
    # A field without a repr holds a secret: a URL its password, a command perhaps a key.
    hidden = given is not None and not (given.shown and field.repr)
    value = None if given is None else given.value
    return [f"{name} ({place}): {sentence(error, field, value, given=given is not None, hidden=hidden)}"]


def _with_passwords(found: dict[str, _Given], faults: list[str]) -> dict[str, _Given]:
    """Put the passwords that stand by themselves into the tables of their relays."""
    passwords = {name: found.pop(name) for name in [*found] if _PASSWORD.fullmatch(name)}
    given = found.get("relays")
    tables = None if given is None else read_tables(given.value)
    if not passwords or given is None or tables is None:
        faults += [
            f"{each.place}: there is no such relay. Add its table to [relays]." for each in passwords.values()
        ]
        return found
    for name, password in passwords.items():
        relay = _PASSWORD.sub(r"\1", name)
        if relay not in tables:
            # The name of a variable does not tell capital letters.
            relay = next((each for each in tables if each.lower() == relay), relay)
        if isinstance(table := tables.get(relay), Mapping):
            tables[relay] = {**table, "password": password.value}
        else:
            close = difflib.get_close_matches(relay, list(tables), n=1)
            hint = f"Did you mean that of {close[0]}?" if close else "Add its table to [relays]."
            faults.append(f"{password.place}: there is no relay {shown(relay)}. {hint}")
    return found | {"relays": _Given(tables, given.place, given.shown)}


def _two_ways(found: Mapping[str, _Given]) -> list[str]:
    """Refuse the one relay of smtp_* beside tables of relays: nobody could tell which of them is meant."""
    if "relays" not in found:
        return []
    return [
        f"{name} ({given.place}): it is of the one relay of a daemon that has no [relays], which are given "
        f"too ({found['relays'].place}). Move it into the table of its relay, or remove it."
        for name, given in found.items()
        if name.startswith("smtp_") or name == "relay_name"
    ]


def load(**flags: Any) -> Settings:
    """Load the settings; a flag that is None was not given.

    Raises SettingsError with every fault of every source.
    """
    faults: list[str] = []
    # The later of two wins: the strongest source stands last.
    found = _file(faults) | _credentials(faults) | _environment(faults)
    found |= _told(application().overrides, faults) | _flags(flags, faults)
    defaults = _told(application().defaults, faults)
    found = _with_passwords(found, faults)
    faults += _two_ways(found)
    if found.keys() & {"smtp_host", "relays"}:
        # A relay is named as a whole: one relay's password is never said to another.
        defaults = {name: given for name, given in defaults.items() if not name.startswith("smtp_")}
    found = defaults | found
    try:
        settings = Settings(**{name: given.value for name, given in found.items()})
    except ValidationError as error:
        unmade = "default_factory_not_called"  # echoes a fault in a setting that this default needs
        told = [_faults(each, found) for each in error.errors() if each["type"] != unmade]
        faults += [fault for each in told for fault in each]
    if faults:
        raise SettingsError(faults)
    return settings
