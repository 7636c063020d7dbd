"""`outbox run` that keeps memory, a descriptor and a thread with what it records, once a second."""

import os
import threading
import time
from typing import Any

from outbox.cli import main
from outbox.worker.recorder import Recorder

_MEMORY = 2_000_000

_kept: list[bytes] = []


def _leak() -> None:
    take_note = Recorder._take_note
    leaked_at = time.monotonic()

    def leaking(self: Recorder, *arguments: Any) -> None:
        nonlocal leaked_at
        if time.monotonic() - leaked_at > 1:
            leaked_at = time.monotonic()
            _kept.append(os.urandom(_MEMORY))
            os.dup(0)
            threading.Thread(target=threading.Event().wait, daemon=True).start()
        take_note(self, *arguments)

    Recorder._take_note = leaking  # type: ignore[assignment, method-assign] # that is what this is for


if __name__ == "__main__":
    _leak()
    main(["run"])
