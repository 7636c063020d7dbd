"""The parts of a daemon that go on until it ends, as tasks of its loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable


def first_end(tasks: Iterable[asyncio.Task[None]]) -> BaseException | None:
    """Return what has ended one of them, or None while all go on.

    Where nothing did, that it has ended is the fault.
    """
    return next((_end_of(task) for task in tasks if task.done()), None)


def _end_of(task: asyncio.Task[None]) -> BaseException:
    error = None if task.cancelled() else task.exception()
    return error or RuntimeError(f"a part of the daemon has ended without a reason: {task.get_coro()}")
