"""Write an event as one record of the log `outbox`, with its fields, and foreign words without secrets."""

import logging
import re

logger = logging.getLogger("outbox")
_SHOWN = 300
_ADDRESS = re.compile(r"<?[^\s<>@]+@[^\s<>@]+>?")


def log(level: int, event: str, sentence: str, **fields: object) -> None:
    """Log the event of this name; `sentence` names its fields as `%(field)s`."""
    # logging takes a mapping as named arguments only when there is something in it.
    arguments = (fields,) if fields else ()
    logger.log(level, sentence, *arguments, extra={"outbox": {"event": event, **fields}})


def cause(error: BaseException) -> str:
    """Return the driver's own words, without the statement and its parameters, which hold mail."""
    original = getattr(error, "orig", None) or error
    # PostgreSQL adds the failing row as a detail; its first line says what happened.
    return short(str(getattr(getattr(original, "diag", None), "message_primary", None) or original))


def short(text: str) -> str:
    """Return `text` on one line, bounded, and without the addresses that relays like to repeat."""
    return _ADDRESS.sub("<address>", " ".join(text.split()))[:_SHOWN]
