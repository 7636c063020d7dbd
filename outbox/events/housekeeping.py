"""What a daemon says of what it deletes because it has ended long ago."""

from __future__ import annotations

import logging

from outbox.events.record import log


def bodies_erased(messages: int) -> None:
    """Say that bodies were erased, as their mail has ended long enough ago."""
    log(
        logging.INFO,
        "bodies_erased",
        "the bodies of %(messages)d mails were erased: they ended longer ago than keep_bodies",
        messages=messages,
    )


def finished_deleted(messages: int, deliveries: int) -> None:
    """Say that mail was deleted, as it has ended long enough ago."""
    log(
        logging.INFO,
        "finished_deleted",
        "%(messages)d mails with %(deliveries)d deliveries were deleted: "
        "they ended longer ago than keep_finished",
        messages=messages,
        deliveries=deliveries,
    )


def sessions_pruned(sessions: int) -> None:
    """Say that the rows of daemons were deleted that have ended long ago."""
    log(
        logging.INFO,
        "sessions_pruned",
        "the rows of %(sessions)d daemons that ended long ago were deleted",
        sessions=sessions,
    )
