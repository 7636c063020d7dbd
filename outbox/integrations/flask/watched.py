"""What is known of one transaction of a session: whether it has written, and which mail hangs on its end."""

from __future__ import annotations

import re
import weakref
from typing import TYPE_CHECKING, Any

from flask import g, has_app_context
from sqlalchemy import inspect

from outbox import events
from outbox.integrations.flask.inserts import insert_into

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Engine
    from sqlalchemy.orm import Session

    from outbox.handover import Prepared

# Whatever is not known to write counts as a read: its mail waits for the commit, and none is lost by that.
_WRITES = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/)*+"
    r"(?:(?:INSERT|UPDATE|DELETE|REPLACE|MERGE|COPY|LOAD)\b|WITH\b.*[()]\s*(?:INSERT|UPDATE|DELETE|MERGE)\b)",
    re.IGNORECASE | re.DOTALL,
)


class Watched:
    """One transaction of a session, from its first statement to its end."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.is_over = False
        self.bind: Engine | Connection | None = None
        """Where mail that waits goes when the transaction ends without a commit."""
        self.waiting: list[Prepared] = []
        """Mails to insert right before the commit."""
        self.entered = 0
        """Mails inserted, which the commit has yet to make true."""
        # Weak: what is followed must not keep alive the context whose end it waits for.
        self._home = weakref.ref(g._get_current_object()) if has_app_context() else None  # noqa: SLF001 - werkzeug's name
        self._wrote = False

    @property
    def home(self) -> Any:
        """The `g` of the context in which it began: when that ends, nobody is left to commit it."""
        return None if self._home is None else self._home()

    @property
    def is_unsettled(self) -> bool:
        """Whether some mail depends on how it ends."""
        return bool(self.waiting or self.entered)

    @property
    def has_written(self) -> bool:
        """Whether a commit would keep, or would have kept, anything."""
        if self._wrote or self.is_over:
            return self._wrote
        return bool(self.session.new or self.session.dirty or self.session.deleted)

    def hold(self, emails: Sequence[Prepared]) -> None:
        """Let them wait for the commit."""
        self.waiting += emails
        self.bind = self.session.get_bind()

    def enter(self, emails: Sequence[Prepared]) -> None:
        """Insert them now: they live and die with the transaction."""
        insert_into(self.session, emails)
        self.entered += len(emails)

    def commit(self) -> None:
        """Insert what waits; the commit is about to come."""
        if self.waiting:
            self.enter(self.waiting)
            self.waiting = []

    def roll_back(self) -> None:
        """Forget what waits, and what went with the transaction."""
        if self.waiting:
            events.mails_rolled_back(len(self.waiting))
        self.waiting, self.entered = [], 0

    def end(self) -> None:
        """Keep what is known of it: its session may go on with another one."""
        self.is_over = True

    def notice(self, statement: str) -> None:
        """Look at a statement that it executes."""
        if not self._wrote and not self.is_over:
            self._wrote = _WRITES.match(statement) is not None

    def leave(self, thing: object) -> None:
        """Look for a change that nobody flushed in what leaves the session: one that is closed forgets it."""
        if self.waiting and not self._wrote:
            state = inspect(thing, raiseerr=True)
            self._wrote = state.transient or state.modified
