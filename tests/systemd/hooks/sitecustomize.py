"""Wedges a daemon from within, when a file in its state directory says so: Python loads this at its start."""

import sys

if "run" in sys.orig_argv:
    import asyncio
    import os
    import time
    from pathlib import Path
    from typing import Any

    from outbox.worker import watch
    from outbox.worker.desks import Desks

    _folder = Path(os.environ["STATE_DIRECTORY"])
    _look = Desks.look

    async def _wedged(self: Desks, *args: Any) -> float:
        while (_folder / "hold").exists():  # noqa: ASYNC110 - another process removes it
            await asyncio.sleep(0.05)
        if (_folder / "block").exists():
            (_folder / "block").unlink()
            time.sleep(3600)  # noqa: ASYNC251 - the loop stands still: that is what is tested
        if (_folder / "wait").exists():
            (_folder / "wait").unlink()
            watch.PATIENCE = 1.0
            await asyncio.Event().wait()
        return await _look(self, *args)

    Desks.look = _wedged  # type: ignore[method-assign, assignment] # for the test
