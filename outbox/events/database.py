"""What a daemon says of its database, and of verdicts on their way into it."""

import logging

from outbox.events.record import cause, log, short


def database_unavailable(error: Exception, wait: float) -> None:
    """Say that the database did not answer; nothing is lost, and it is tried again in `wait` seconds."""
    log(
        logging.WARNING,
        "database_unavailable",
        "database: %(reason)s; next try in %(wait).1f s",
        reason=cause(error),
        wait=wait,
    )


def database_back() -> None:
    """Say that the database answers again."""
    log(logging.INFO, "database_back", "the database answers again")


def record_failed(error: Exception, verdicts: int) -> None:
    """Say that verdicts wait to be written; they are kept, and soon nothing new is sent."""
    log(
        logging.WARNING,
        "record_failed",
        "%(verdicts)d verdicts wait to be written: %(reason)s",
        verdicts=verdicts,
        reason=cause(error),
    )


def verdicts_wait(verdicts: int) -> None:
    """Say that an open transaction keeps verdicts from being written; the others are."""
    log(
        logging.WARNING,
        "verdicts_wait",
        "%(verdicts)d verdicts wait for deliveries that somebody has locked: look for an open transaction",
        verdicts=verdicts,
    )


def verdict_refused(
    error: Exception, delivery_id: int, move: str, answer: str | None, *, sent: bool | None
) -> None:
    """Say that the database refuses one verdict, even in plain words; `sent` is None where nobody knows."""
    happened = "may have been sent" if sent is None else "was sent" if sent else "was not sent"
    log(
        logging.ERROR,
        "verdict_refused",
        "the database refuses the verdict %(move)s on delivery %(delivery_id)d: %(reason)s; "
        f"the mail {happened}{' (the relay said: %(answer)s)' if answer else ''}, and stays 'sending' until "
        "this is written, which is tried every minute: look at the constraint or trigger that is named here",
        move=move,
        delivery_id=delivery_id,
        answer=answer and short(answer),
        sent=sent,
        reason=cause(error),
    )


def verdicts_again(verdicts: int, *, stalled: bool) -> None:
    """Say that verdicts are tried again which the database has refused."""
    log(
        logging.WARNING,
        "verdicts_again",
        "trying %(verdicts)d verdicts again that the database refused"
        + ("; nothing new is sent until they are written" if stalled else ""),
        verdicts=verdicts,
        stalled=stalled,
    )


def verdicts_left(verdicts: int) -> None:
    """Say that the daemon leaves without having written all that it knows."""
    log(
        logging.ERROR,
        "verdicts_left",
        "left with %(verdicts)d verdicts unwritten: their mails will be rescued, and some may go out twice",
        verdicts=verdicts,
    )


def late_verdicts(late: int, dropped: int) -> None:
    """Say that verdicts came after their claim was lost: the telling ones were kept, the others dropped."""
    log(
        logging.WARNING,
        "late_verdicts",
        "%(late)d late verdicts kept, %(dropped)d dropped: another session had taken over",
        late=late,
        dropped=dropped,
    )
