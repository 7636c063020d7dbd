"""Tell what came of a request: one by one, or counted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from outbox.cli.ending import addressed
from outbox.cli.paper import print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outbox.cli.bulk import Tally
    from outbox.mail.request import Change

_AS_NEW = re.compile(r"retry\(…, as_new=True\)")
_CALL = re.compile(r"\b([a-z_]+)\(…\)")


def in_commands(says: str) -> str:
    """Return what is said to applications in the words of the command line."""
    told = _AS_NEW.sub("outbox retry --as-new", says)
    return addressed(_CALL.sub(lambda call: f"outbox {call[1].replace('_', '-')}", told))


def print_changes(changes: Sequence[Change]) -> None:
    """Print what came of it for each delivery."""
    print_table(
        ("recipient", "was", "is", "what happens"),
        [
            (change.recipient, change.before, change.after, in_commands(change.says))
            for change in sorted(changes, key=lambda change: change.delivery_id)
        ],
    )


def print_tally(tally: Tally) -> None:
    """Print how many were told what, the most first."""
    print_table(
        ("deliveries", "done", "what happens"),
        [
            (f"{count:,}", "yes" if done else "no", in_commands(says))
            for (done, says), count in tally.says.most_common()
        ],
    )
