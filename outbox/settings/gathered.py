"""What all places say of the settings, each by its strongest, before anybody has looked at a value."""

import os
from collections.abc import Mapping
from typing import Any

from outbox.settings import places
from outbox.settings.application import application
from outbox.settings.flask_mail import translated
from outbox.settings.given import Given


def gathered(flags: Mapping[str, Any], faults: list[str], notes: list[str]) -> dict[str, Given]:
    """Return what is given, each by its strongest source; add to `faults` and `notes` what is of no use."""
    # The later of two wins: the strongest source stands last.
    found = places.file(faults) | places.credentials(faults) | places.environment(faults)
    found |= places.told(application().overrides, faults) | places.flags(flags, faults)
    defaults = places.told(application().defaults, faults)
    found = places.with_passwords(found, faults)
    faults += _two_ways(found)
    if found.keys() & {"smtp_host", "relays"}:
        # A relay is named as a whole: one relay's password is never said to another.
        defaults = {name: given for name, given in defaults.items() if not name.startswith("smtp_")}
    if not application().defaults:
        # An application that speaks for itself has read its own variables.
        defaults = translated(os.environ, found, faults, notes)
    return defaults | found


def _two_ways(found: Mapping[str, Given]) -> list[str]:
    """Refuse the one relay of smtp_* beside tables of relays: nobody could tell which of them is meant."""
    if "relays" not in found:
        return []
    return [
        f"{name} ({given.place}): it is of the one relay of a daemon that has no [relays], which are given "
        f"too ({found['relays'].place}). Move it into the table of its relay, or remove it."
        for name, given in found.items()
        if name.startswith("smtp_") or name == "relay_name"
    ]
