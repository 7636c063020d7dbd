"""A thread that lives only while there is something to send or to wait for."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


_FORK_PATIENCE = 5.0


class _Turns:
    """Held during each turn, so that a fork waits for its end, though not for a database that is silent.

    What a thread has locked in SQLAlchemy or in a driver would stay locked for ever in the child.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._is_held = False

    def before_fork(self) -> None:
        self._is_held = self.lock.acquire(timeout=_FORK_PATIENCE)

    def after_in_parent(self) -> None:
        if self._is_held:
            self.lock.release()

    def after_in_child(self) -> None:
        self.lock = threading.RLock()


# As logging has for its own locks: forks are the process's, and there is no other way to hear of them.
_turns = _Turns()
os.register_at_fork(
    before=_turns.before_fork,
    after_in_parent=_turns.after_in_parent,
    after_in_child=_turns.after_in_child,
)


def start_thread(work: Callable[[], None]) -> None:
    """Do `work` in a thread that keeps no process alive. Raises RuntimeError where the process is ending."""
    threading.Thread(target=work, name="outbox-log-mails", daemon=True).start()


class Courier:
    """Calls `turn` again and again, each time after the seconds that it returned, until it returns None.

    Whoever calls a method holds `lock`; `turn` is called without it.
    """

    def __init__(
        self,
        lock: threading.RLock,
        turn: Callable[[], float | None],
        start: Callable[[Callable[[], None]], None],
    ) -> None:
        self._changed = threading.Condition(lock)
        self._turn = turn
        self._start = start
        self._runs = False
        self._asked = False

    def wake(self) -> None:
        """See to it that a turn begins now."""
        self._asked = True
        self._changed.notify_all()
        if not self._runs:
            try:
                self._start(self._run)
                self._runs = True
            except RuntimeError:  # the interpreter is ending, and starts no thread any more
                self._turn()

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Return when `condition` holds, which is looked at after each turn; raise TimeoutError."""
        if not self._changed.wait_for(condition, seconds):
            raise TimeoutError(f"not done within {seconds:g} s")

    def _run(self) -> None:
        while True:
            with self._changed:
                self._asked = False
            try:
                with _turns.lock:
                    delay = self._turn()
            except BaseException:
                with self._changed:
                    self._runs = False  # the next one to wake it starts another thread
                raise
            with self._changed:
                self._changed.notify_all()
                if not self._asked and delay is not None:
                    self._changed.wait_for(lambda: self._asked, delay)
                elif not self._asked:
                    self._runs = False
                    return
