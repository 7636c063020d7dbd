"""Read what stands in each place: flags, environment, credentials, the file, an application's words."""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from outbox.errors import shown
from outbox.settings.application import Told
from outbox.settings.closest import closest
from outbox.settings.given import Given
from outbox.settings.names import NAMES, PREFIX
from outbox.settings.relay_tables import read_tables

_CONFIG = "OUTBOX_CONFIG"
# The test suite reads these names, and starts daemons that inherit them.
_TESTS = "OUTBOX_TEST_"
_PASSWORD = re.compile(r"relays__(.+)__password")
"""The password of one of several relays, where it stands by itself: never beside what others may read."""


def _unknown(name: str, known: list[str], place: str) -> str:
    close = closest(name, known)
    hint = f"Did you mean {close}?" if close else "Remove it."
    return f"{name} ({place}): there is no such setting. {hint}"


def flags(given: Mapping[str, Any], faults: list[str]) -> dict[str, Given]:
    """Return the flags that were given."""
    known = list(NAMES)
    faults += [_unknown(name, known, "flag") for name in given if name not in known]
    return {
        name: Given(value, f"flag --{name.replace('_', '-')}")
        for name, value in given.items()
        if name in known and value is not None
    }


def environment(faults: list[str]) -> dict[str, Given]:
    """Return the variables OUTBOX_*."""
    known = [_CONFIG, *(f"{PREFIX}{name.upper()}" for name in NAMES)]
    ours = sorted(name for name in os.environ if name.upper().startswith(PREFIX))
    passwords = {
        name.lower().removeprefix(PREFIX.lower()): Given(os.environ[name], f"environment {name}", shown=False)
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
    # One that is empty is not set. One in other capitals is a fault, but what it says is no other one's.
    values = {name.upper(): os.environ[name] for name in ours if os.environ[name]}
    return passwords | {
        name: Given(values[variable], f"environment {variable}")
        for name in NAMES
        if (variable := f"{PREFIX}{name.upper()}") in values
    }


def credentials(faults: list[str]) -> dict[str, Given]:
    """Read what systemd's LoadCredential= laid down: files named as the variables, in lower case."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if not Path(folder or "/dev/null").is_dir():
        return {}
    prefix = PREFIX.lower()
    known = [f"{prefix}{name}" for name in NAMES]
    try:
        ours = sorted(path.name for path in Path(folder).iterdir() if path.name.lower().startswith(prefix))
        passwords = [name for name in ours if _PASSWORD.fullmatch(name.removeprefix(prefix))]
        values = {
            name.lower().removeprefix(prefix): (Path(folder) / name).read_text(encoding="utf-8").strip()
            for name in ours
            if name.lower() in known or name in passwords
        }
    except (OSError, ValueError) as error:
        faults.append(f"CREDENTIALS_DIRECTORY (environment): {error}. Make its files readable UTF-8 text.")
        return {}
    faults += [_unknown(name, known, "credential") for name in ours if name not in [*known, *passwords]]
    # What somebody keeps as a credential is secret, also where a path was asked for.
    return {name: Given(value, f"credential {prefix}{name}", shown=False) for name, value in values.items()}


def file(faults: list[str]) -> dict[str, Given]:
    """Read outbox.toml, or the file that OUTBOX_CONFIG names."""
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
    known = list(NAMES)
    faults += [_unknown(name, known, str(path)) for name in values if name not in known]
    return {name: Given(value, str(path)) for name, value in values.items() if name in known}


def told(values: Mapping[str, Told], faults: list[str]) -> dict[str, Given]:
    """Return what an application says."""
    known = list(NAMES)
    faults += [_unknown(name, known, told.place) for name, told in values.items() if name not in known]
    return {name: Given(told.value, told.place) for name, told in values.items() if name in known}


def with_passwords(found: dict[str, Given], faults: list[str]) -> dict[str, Given]:
    """Put the passwords that stand by themselves into the tables of their relays."""
    passwords = {name: found.pop(name) for name in [*found] if _PASSWORD.fullmatch(name)}
    given = found.get("relays")
    tables = None if given is None else read_tables(given.value)
    if not passwords or given is None or tables is None:
        faults += [
            f"{each.place}: there is no such relay. Add its table to [relays]." for each in passwords.values()
        ]
        return found
    places: dict[str, str] = {}
    for name, password in passwords.items():
        relay = _PASSWORD.sub(r"\1", name)
        if relay not in tables:
            # The name of a variable does not tell capital letters.
            relay = next((each for each in tables if each.lower() == relay), relay)
        if isinstance(table := tables.get(relay), Mapping):
            tables[relay] = {**table, "password": password.value}
            places[f"{relay}.password"] = password.place
        else:
            close = closest(relay, tables)
            hint = f"Did you mean that of {close}?" if close else "Add its table to [relays]."
            faults.append(f"{password.place}: there is no relay {shown(relay)}. {hint}")
    return found | {"relays": Given(tables, given.place, given.shown, places)}
