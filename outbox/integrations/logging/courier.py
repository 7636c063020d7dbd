"""A thread that lives only while there is something to send or to wait for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


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
