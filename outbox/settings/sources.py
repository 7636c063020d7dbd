"""Load the settings from all sources, know where each came from, and report all faults at once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from outbox.errors import SettingsError
from outbox.settings import places
from outbox.settings.fault import cause_of, sentence
from outbox.settings.gathered import gathered
from outbox.settings.given import Given
from outbox.settings.model import Settings
from outbox.settings.relay_tables import without_logins
from outbox.settings.unfit import TablesError

_ROUTES = frozenset({"streams", "relays", "smtp_host", "smtp_port", "smtp_protocol", "smtp_tls"})


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, where each that was given comes from, and what was found that has no use."""

    settings: Settings
    origins: Mapping[str, Given]
    notes: tuple[str, ...] = ()


def load(**flags: Any) -> Settings:
    """Load the settings; a flag that is None was not given.

    Raises SettingsError with every fault of every source.
    """
    return load_with_origins(**flags).settings


def load_with_origins(**flags: Any) -> Loaded:
    """Load the settings, and tell where each comes from. Raises as `load` does."""
    faults: list[str] = []
    notes: list[str] = []
    found = gathered(flags, faults, notes)
    return Loaded(_checked(found, faults), found, tuple(notes))


def load_flags(**flags: Any) -> Settings:
    """Check these flags alone, whatever else is set. Raises as `load` does."""
    faults: list[str] = []
    return _checked(places.flags(flags, faults), faults)


def load_without_relays(**flags: Any) -> Settings:
    """Load the settings of who speaks to no relay: the secrets and the files of those are the daemon's alone.

    Raises as `load` does.
    """
    faults: list[str] = []
    found = gathered(flags, faults, [])
    return _checked({name: given for name, given in found.items() if not _is_of_a_relay(name)}, faults)


def load_routes(**flags: Any) -> Settings:
    """Load the settings of who asks by which relay mail goes: of relays only what names them.

    Raises as `load` does.
    """
    faults: list[str] = []
    found = gathered(flags, faults, [])
    kept = {name: given for name, given in found.items() if name in _ROUTES or not _is_of_a_relay(name)}
    if given := kept.get("relays"):
        kept["relays"] = replace(given, value=without_logins(given.value))
    return _checked(kept, faults)


def _is_of_a_relay(name: str) -> bool:
    # The name of this host is his, too.
    return name in {"relays", "streams", "dkim"} or (name.startswith("smtp_") and name != "smtp_hello")


def _checked(found: Mapping[str, Given], faults: list[str]) -> Settings:
    try:
        settings = Settings(**{name: given.value for name, given in found.items()})
    except ValidationError as error:
        unmade = "default_factory_not_called"  # echoes a fault in a setting that this default needs
        told = [_faults(each, found) for each in error.errors() if each["type"] != unmade]
        faults += [fault for each in told for fault in each]
    if faults:
        raise SettingsError(faults)
    return settings


def _faults(error: ErrorDetails, found: Mapping[str, Given]) -> list[str]:
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
