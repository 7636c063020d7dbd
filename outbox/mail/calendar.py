"""An invitation as readers want it: an iCalendar text beside the bodies (RFC 6047)."""

import re

from outbox.errors import InvalidEmailError
from outbox.mail import text as texts

# RFC 5546 section 1.4.
METHODS = frozenset({"PUBLISH", "REQUEST", "REPLY", "ADD", "CANCEL", "REFRESH", "COUNTER", "DECLINECOUNTER"})
_METHOD = re.compile(r"^METHOD:(.*?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_WHOLE = re.compile(r"\s*BEGIN:VCALENDAR\r?\n.*\nEND:VCALENDAR\s*", re.IGNORECASE | re.DOTALL)


def checked_calendar(value: object) -> str:
    """Return the text of one iCalendar object (RFC 5545) that says its METHOD. Raises InvalidEmailError."""
    calendar = texts.plain("calendar", value)
    if not _WHOLE.fullmatch(calendar):
        raise InvalidEmailError(
            "calendar",
            calendar,
            "is not one iCalendar object",
            "Give the text from BEGIN:VCALENDAR to END:VCALENDAR; other files go into attachments.",
        )
    methods = _METHOD.findall(calendar)
    if len(methods) != 1 or methods[0].upper() not in METHODS:
        said = f"says the methods {', '.join(map(repr, methods))}" if methods else "says no METHOD"
        known = ", ".join(sorted(METHODS))
        raise InvalidEmailError(
            "calendar",
            calendar,
            said,
            f"Write one line such as METHOD:REQUEST for an invitation; readers know {known}.",
        )
    return calendar


def method_of(calendar: str) -> str:
    """Return the METHOD of a checked calendar; the Content-Type must say the same (RFC 6047 section 2.4)."""
    method: str = _METHOD.findall(calendar)[0]
    return method.upper()
