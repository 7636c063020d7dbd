"""Read the settings from where they stand, keep where each came from, and report all faults at once."""

import difflib
import os
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
from outbox.settings.field import UnfitError
from outbox.settings.model import PREFIX, Settings

_CONFIG = "OUTBOX_CONFIG"
# The test suite reads these names, and starts daemons that inherit them.
_TESTS = "OUTBOX_TEST_"


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
    # No value is shown: a misspelt name may hold a password.
    faults += [
        _unknown(name, known, "environment")
        for name in ours
        if name not in known and not name.startswith(_TESTS)
    ]
    values = EnvSettingsSource(Settings)()
    return {name: _Given(value, f"environment {PREFIX}{name.upper()}") for name, value in values.items()}


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
    except (OSError, ValueError) as error:
        faults.append(f"CREDENTIALS_DIRECTORY (environment): {error}. Make its files readable UTF-8 text.")
        return {}
    faults += [_unknown(name, known, "credential") for name in ours if name not in known]
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


def _fault(error: ErrorDetails, found: Mapping[str, _Given]) -> str:
    name = str(error["loc"][0])
    field = Settings.model_fields[name]
    given = found.get(name)
    if given is None:
        place, value = "not given", ""
    else:
        # A field without a repr holds a secret: a URL its password, a command perhaps a key.
        hidden = not (given.shown and field.repr)
        place, value = given.place, ": the value is not shown" if hidden else f": {shown(given.value)}"
    # Our own checks say what is wrong; for pydantic's the remedy does, in our words.
    problem = error["msg"].removeprefix("Value error, ") if error["type"] == "value_error" else "not usable"
    ours = error.get("ctx", {}).get("error")
    extra = field.json_schema_extra
    give = ours.give if isinstance(ours, UnfitError) else extra["give"] if isinstance(extra, dict) else ""
    return f"{name} ({place}): {problem}{value}. Give {give}."


def load(**flags: Any) -> Settings:
    """Load the settings; a flag that is None was not given.

    Raises SettingsError with every fault of every source.
    """
    faults: list[str] = []
    # The later of two wins: the strongest source stands last.
    found = _file(faults) | _credentials(faults) | _environment(faults)
    found |= _told(application().overrides, faults) | _flags(flags, faults)
    defaults = _told(application().defaults, faults)
    if "smtp_host" in found:
        # A relay is named as a whole: one relay's password is never said to another.
        defaults = {name: given for name, given in defaults.items() if not name.startswith("smtp_")}
    found = defaults | found
    try:
        settings = Settings(**{name: given.value for name, given in found.items()})
    except ValidationError as error:
        unmade = "default_factory_not_called"  # echoes a fault in a setting that this default needs
        faults += [_fault(each, found) for each in error.errors() if each["type"] != unmade]
    if faults:
        raise SettingsError(faults)
    return settings
