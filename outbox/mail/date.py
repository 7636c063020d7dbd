"""Write an instant as a Date header has it, in English and in UTC."""

from datetime import UTC, datetime

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def date(at: datetime) -> str:
    """Return the date-time of RFC 5322 section 3.3; raises ValueError for a naive `at`."""
    if at.utcoffset() is None:
        raise ValueError(f"at: {at!r} has no time zone. Give an aware datetime.")
    utc = at.astimezone(UTC)
    day, month = _DAYS[utc.weekday()], _MONTHS[utc.month - 1]
    return f"{day}, {utc.day:02} {month} {utc.year:04} {utc.hour:02}:{utc.minute:02}:{utc.second:02} +0000"
