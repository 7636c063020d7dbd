"""Limits as they stand in settings: a rate, what may pass at once, and a day's quota."""

from collections.abc import Mapping

from outbox.errors import shown
from outbox.mail.rate import Limit, parse_rate
from outbox.settings.unfit import UnfitError

KEYS = ("rate", "burst", "quota")
GIVE_RATE = "recipients and a time, such as 14/s, 100/min or 5000/h"
GIVE_COUNT = "a whole number of at least 1"


def checked_rate(text: str | None) -> str | None:
    """Return a rate as it is written; raise ValueError for what is none."""
    if text is not None:
        parse_rate(text)
    return text


def limit_of(rate: str | None, burst: int | None, quota: int | None) -> Limit:
    """Return the limit that checked settings describe."""
    return Limit(None if rate is None else parse_rate(rate), burst, quota)


def limit_in(name: str, table: Mapping[str, object]) -> Limit:
    """Return the limit that the table `name` describes, or raise UnfitError, which names the key."""
    rate, burst, quota = (table.get(key) for key in KEYS)
    try:
        parsed = None if rate is None else parse_rate(rate if isinstance(rate, str) else "")
    except ValueError as error:
        raise UnfitError(f"{name}.rate: {error}: {shown(rate)}", GIVE_RATE) from error
    if burst is not None and rate is None:
        raise UnfitError(f"{name}.burst: {shown(burst)} is a burst of no rate", f"{name}.rate with it")
    return Limit(parsed, _count(f"{name}.burst", burst), _count(f"{name}.quota", quota))


def _count(key: str, value: object) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise UnfitError(f"{key}: {shown(value)} is no number of recipients", GIVE_COUNT)
    return value
