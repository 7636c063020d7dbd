"""Durations as people write them: a number with its unit, so that nobody means days and says seconds."""

import re

_UNITS = {"w": 7 * 86400.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_GIVEN = re.compile(r"([0-9]+(?:\.[0-9]+)?)([wdhms])")
_LONGEST = 36525 * 86400.0

FORM = "a number with its unit, w, d, h, m or s, such as 30d"
"""What a duration looks like."""


def told_duration(seconds: float) -> str:
    """Return so many seconds as `parse_duration` reads them, in the largest unit that they are whole in."""
    unit = next((unit for unit in "dhm" if seconds % _UNITS[unit] == 0), "s")
    return f"{seconds / _UNITS[unit]:.15g}{unit}"


def parse_duration(given: str) -> float:
    """Return the seconds of a duration such as `30d`, of a century at most; raise ValueError for others."""
    found = _GIVEN.fullmatch(given.strip())
    if found is None:
        raise ValueError("this is no duration with a unit")
    seconds = float(found[1]) * _UNITS[found[2]]
    if seconds > _LONGEST:
        raise ValueError("this is more than a century")
    return seconds
