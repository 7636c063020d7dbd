"""Handlers of error mails, in the time and on the threads of a test."""

import logging
import sys
from typing import Any

from sqlalchemy import Engine, text

from outbox.integrations.logging import OutboxHandler


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Kept(OutboxHandler):
    """Keeps what would be printed."""

    faults: list[BaseException | None]

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002 - logging's name
        self.faults = [*getattr(self, "faults", []), sys.exc_info()[1]]


def quiet(engine: Engine, **options: Any) -> Kept:
    """Give a handler whose turns a test takes itself, in virtual time."""
    options = {"clock": Clock(), "start": lambda _: None, "timeout": 0, **options}
    return Kept(engine, "app@example.org", ["ops@example.org"], "Shop failed", **options)


def threaded(engine: Engine, logger: logging.Logger, **options: Any) -> Kept:
    handler = Kept(engine, "app@example.org", ["ops@example.org"], "Shop failed", **options)
    logger.addHandler(handler)
    return handler


def stored(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(
            connection.execute(text("SELECT subject FROM outbox_message ORDER BY created_at")).scalars()
        )
