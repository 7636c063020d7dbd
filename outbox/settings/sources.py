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
from outbox.settings.model import PREFIX, Settings

_CONFIG = "OUTBOX_CONFIG"
# The test suite reads these names, and starts daemons that inherit them.
_TESTS = "OUTBOX_TEST_"
# Neither may stand in an error: the URL usually holds a password.
_SECRET = {"smtp_password", "database_url"}


@dataclass(frozen=True, slots=True)
class _Given:
    """One value, as a source gave it, and the place by which a person finds it."""

    value: Any
    place: str


def _unknown(name: str, known: list[str], place: str) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {close[0]}?" if close else "Remove it."
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
    ours = sorted(name for name in os.environ if name.startswith(PREFIX) and not name.startswith(_TESTS))
    # No value is shown: a misspelt name may hold a password.
    faults += [_unknown(name, known, "environment") for name in ours if name not in known]
    values = EnvSettingsSource(Settings)()
    return {name: _Given(value, f"environment {PREFIX}{name.upper()}") for name, value in values.items()}


def _credentials(faults: list[str]) -> dict[str, _Given]:
    """Read what systemd's LoadCredential= laid down: files named as the variables, in lower case."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if not Path(folder or "/dev/null").is_dir():
        return {}
    try:
        values = SecretsSettingsSource(Settings, secrets_dir=folder)()
    except (OSError, ValueError) as error:
        faults.append(f"CREDENTIALS_DIRECTORY (environment): {error}. Make its files readable UTF-8 text.")
        return {}
    return {name: _Given(value, f"credential {PREFIX.lower()}{name}") for name, value in values.items()}


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


def _fault(error: ErrorDetails, found: Mapping[str, _Given]) -> str:
    name = str(error["loc"][0])
    given = found.get(name, _Given(None, "not given"))
    said = "the value is not shown" if name in _SECRET or name not in found else shown(given.value)
    # Our own checks say what is wrong; for pydantic's the remedy does, in our words.
    problem = error["msg"].removeprefix("Value error, ") if error["type"] == "value_error" else "not usable"
    extra = Settings.model_fields[name].json_schema_extra
    give = extra["give"] if isinstance(extra, dict) else "another value"
    return f"{name} ({given.place}): {problem}: {said}. Give {give}."


def load(**flags: Any) -> Settings:
    """Load the settings; a flag that is None was not given.

    Raises SettingsError with every fault of every source.
    """
    faults: list[str] = []
    # The later of two wins: the strongest source stands last.
    found = _file(faults) | _credentials(faults) | _environment(faults) | _flags(flags, faults)
    try:
        settings = Settings(**{name: given.value for name, given in found.items()})
    except ValidationError as error:
        unmade = "default_factory_not_called"  # echoes a fault in a setting that this default needs
        faults += [_fault(each, found) for each in error.errors() if each["type"] != unmade]
    if faults:
        raise SettingsError(faults)
    return settings
