"""Keep some file descriptors back: database, journal and lookups need them before a further connection does.

To run out of them is the fault of this process. A relay that we cannot even ask is not down, and no mail is
to blame.
"""

import resource
from errno import EMFILE, ENFILE
from pathlib import Path

RESERVE = 32
"""Descriptors that no connection to a relay may take: nine connections to SQLite have 19 files open."""

OUT_OF_THEM = frozenset({EMFILE, ENFILE})
"""What the system says when this process, or the whole host, has no descriptor left."""

SHORTAGE = f"this process has fewer than {RESERVE} file descriptors left, and opens no further connection"

_OPEN = Path("/dev/fd")


def are_short() -> bool:
    """Tell whether fewer than the reserve are left; where the system does not tell, they are not."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        return False
    try:
        taken = sum(1 for _ in _OPEN.iterdir())
    except OSError as error:
        return error.errno in OUT_OF_THEM
    return most - taken < RESERVE
