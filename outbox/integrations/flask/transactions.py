"""In which transaction a mail is inserted, and when.

There are three answers, by where the application's session S stands when the mail is sent:

- S is in no transaction, and nothing waits to be flushed: in a transaction of the mail's own, at once.
- S's transaction has written something, or is in a savepoint: in S, now. The mail lives and dies with it.
- S's transaction has only read so far: the mail waits. It is inserted in S right before S commits
  (`watched.py`), dropped when S is rolled back, and inserted in a transaction of its own when the application
  context ends in peace (`ledger.py`).

What waits was composed and checked when it was sent (`connection.py`).
"""

from collections.abc import Sequence
from enum import Enum, auto

from sqlalchemy.orm import Session

from outbox.handover import Prepared
from outbox.intake import Outbox
from outbox.integrations.flask.inserts import Tables, insert_apart
from outbox.integrations.flask.ledger import follow
from outbox.integrations.flask.watch import watched


class Standing(Enum):
    """Where a session stands."""

    IDLE = auto()
    READ = auto()
    WRITTEN = auto()


def standing(session: Session) -> Standing:
    """Return where `session` stands now."""
    # What waits to be flushed has begun one, too.
    if not session.in_transaction():
        return Standing.IDLE
    if session.in_nested_transaction() or watched(session).has_written:
        return Standing.WRITTEN
    return Standing.READ


def hand_over(session: Session, emails: Sequence[Prepared], tables: Tables) -> None:
    """Insert `emails`, or let them wait, as the rules above say. Raises what `outbox.enqueue` raises."""
    match standing(session):
        case Standing.IDLE:
            insert_apart(session.get_bind(), emails)
        case Standing.WRITTEN:
            watched(session).enter(emails)
            follow(watched(session))
        case Standing.READ:
            if Outbox.needs_database:
                tables.refuse_missing(session.connection())
            watched(session).hold(emails)
            follow(watched(session))
