"""What becomes of the mail that waits, or whose transaction is open, when an application context ends.

A context that ends in peace inserts what waits for a transaction that has only read. All else is dropped, and
a warning says so. A context that nobody pops, as of a script that only pushed one, ends with the process.
"""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any

from click.exceptions import Exit
from flask import Flask, g

from outbox import events
from outbox.integrations.flask.inserts import insert_apart

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from outbox.handover import Prepared
    from outbox.integrations.flask.watched import Watched

_KEY = "_outbox_ledger"
_ENDED = "_outbox_ended"


class Ledger:
    """The transactions that mail of one application context depends on; `home` is that context's `g`."""

    def __init__(self, home: Any) -> None:
        self._followed: list[Watched] = []
        self._end = weakref.finalize(home, _abandon, weakref.ref(home), self)

    def add(self, transaction: Watched) -> None:
        """Follow one more, and forget those that have ended well."""
        self._followed = [each for each in self._followed if each is not transaction and each.is_unsettled]
        self._followed.append(transaction)

    def close(self, fault: str | None) -> None:
        """Insert or drop what is left; `fault` says how the context was cut short."""
        self._end.detach()
        followed, self._followed = self._followed, []
        failed = [error for each in followed if (error := _settle(each, fault))]
        if failed:
            raise failed[0]


def follow(transaction: Watched) -> None:
    """Settle `transaction` at the end of the context in which it began, or else of the present one."""
    home = transaction.home
    if home is None or _ENDED in home:
        home = g._get_current_object()  # noqa: SLF001 - werkzeug's name
    if _KEY not in home:
        home.setdefault(_KEY, Ledger(home))
    home.get(_KEY).add(transaction)


def end_context(_app: Flask, exc: BaseException | None = None, **_: Any) -> None:
    """Settle what is left when an application context ends, by `exc` or in peace.

    As a receiver of `appcontext_tearing_down` it is called when all teardown functions have run: whoever owns
    a session has then ended its transaction, and what is raised here keeps none of them from running.
    """
    # Somebody may keep the context, and even push it again.
    g.setdefault(_ENDED, default=True)
    ledger = g.pop(_KEY, None)
    if ledger is not None:
        ledger.close(f"the application context ended with {type(exc).__name__}" if _is_fault(exc) else None)


def _is_fault(exc: BaseException | None) -> bool:
    """Tell whether `exc` is more than a command's way to say that it is done."""
    if isinstance(exc, SystemExit | Exit):
        return bool(exc.code if isinstance(exc, SystemExit) else exc.exit_code)
    return exc is not None


def _settle(transaction: Watched, fault: str | None) -> Exception | None:
    """Insert or drop what waits for `transaction`; return what kept it from being inserted."""
    waiting, transaction.waiting = transaction.waiting, []
    if transaction.is_over and transaction.entered:
        events.mails_dropped(transaction.entered, "their transaction was never committed")
    if waiting and fault is not None:
        events.mails_dropped(len(waiting), fault)
    elif waiting and transaction.has_written:
        events.mails_dropped(len(waiting), "their transaction had written, and was not committed")
    elif waiting and transaction.bind is not None:
        return _insert(transaction, transaction.bind, waiting)
    return None


def _insert(transaction: Watched, bind: Engine | Connection, waiting: list[Prepared]) -> Exception | None:
    try:
        if not transaction.is_over:
            # It holds SQLite's lock, and on every database a connection of a pool that may have no other.
            transaction.session.rollback()
        insert_apart(bind, waiting)
    except Exception as error:  # noqa: BLE001 - it is raised when the others are settled
        events.mails_lost(error, len(waiting))
        return error
    return None


def _abandon(home: weakref.ref[Any], ledger: Ledger) -> None:
    """Settle what a context has left that was not ended: it was cut short, or the process ends with it."""
    error = None if hasattr(sys, "ps1") else getattr(sys, "last_value", None)
    if home() is None:
        ledger.close("the end of the application context was cut short")
    else:
        ledger.close(None if error is None else f"the program ended with {type(error).__name__}")
