"""What a daemon says of its journal."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from outbox.events.record import cause, log

if TYPE_CHECKING:
    from uuid import UUID


def journal_off() -> None:
    """Say that this daemon keeps no journal, as it was told of no directory."""
    log(
        logging.INFO,
        "journal_off",
        "no journal: what this daemon has in hand when it is killed waits for its lease to be over; "
        "give state_dir a directory, and the next start on this host settles it at once",
    )


def journal_failed(path: str, error: Exception) -> None:
    """Say that the journal cannot be written or read; mail goes on without it."""
    log(
        logging.ERROR,
        "journal_failed",
        "the journal in %(path)s cannot be used: %(reason)s; mail goes on without it, and what this daemon "
        "has in hand, should it be killed, waits for its lease",
        path=path,
        reason=cause(error),
    )


def journal_back(path: str) -> None:
    """Say that the journal is written again."""
    log(logging.WARNING, "journal_back", "the journal in %(path)s is written again", path=path)


def journal_torn(file: str, skipped: int) -> None:
    """Say that a journal has bytes that are no lines of it: the last was cut, or somebody wrote there."""
    log(
        logging.WARNING,
        "journal_torn",
        "journal %(file)s: %(skipped)d bytes are no whole line, and are skipped",
        file=file,
        skipped=skipped,
    )


def journal_refused(file: str, because: str) -> None:
    """Say that a journal is not believed; it stays where it is."""
    log(
        logging.ERROR,
        "journal_refused",
        "journal %(file)s is not read: %(because)s; move it away, or give each daemon its own state_dir",
        file=file,
        because=because,
    )


def journal_settled(session: UUID, known: int, doubts: int, released: int, apart: int) -> None:
    """Say what the journal told of a session whose daemon was killed; `apart` go alone, as suspects."""
    log(
        logging.WARNING,
        "journal_settled",
        "session %(session)s is over; by its journal %(known)d of its deliveries were judged, %(doubts)d are "
        "in doubt, %(apart)d were in hand without their dots, and %(released)d had not begun",
        session=session,
        known=known,
        doubts=doubts,
        released=released,
        apart=apart,
    )


def went_back(then: str) -> None:
    """Say that the database lacks what it had confirmed, and what mail waits for."""
    log(
        logging.ERROR,
        "went_back",
        "the database went back in time: it was restored, or has lost commits in a failover; nothing is sent "
        "until %(then)s",
        then=then,
    )


def database_moved() -> None:
    """Say that another server has the database since a failover, and what mail waits for."""
    log(
        logging.WARNING,
        "database_moved",
        "another server has the database: a replica was promoted, or it was moved; nothing is sent until "
        "every living daemon has read its journal",
    )


def replayed(sent: int, doubts: int, unwritten: int) -> None:
    """Say what the journals of this host have told a database that went back in time."""
    log(
        logging.WARNING,
        "replayed",
        "the journals of this host were read for a database that went back in time: %(sent)d deliveries "
        "that had come back are recorded as sent, %(doubts)d as in doubt, and %(unwritten)d could not be "
        "written yet",
        sent=sent,
        doubts=doubts,
        unwritten=unwritten,
    )


def replay_refused(error: Exception, delivery_id: int, move: str, *, waits: bool) -> None:
    """Say that the database refuses what a journal knows of one delivery; if it `waits`, for a person."""
    then = (
        "it waits for a person, in doubt, and all others go on"
        if waits
        else "nothing is sent until the database takes it"
    )
    log(
        logging.ERROR,
        "replay_refused",
        "the database refuses what a journal knows of delivery %(delivery_id)d, %(move)s: %(reason)s; "
        f"{then}: look at the constraint or trigger that is named here",
        delivery_id=delivery_id,
        move=move,
        reason=cause(error),
    )
