"""What is said in an application, of mail that it has sent and that was not queued."""

import logging

from outbox.events.record import cause, log


def mails_rolled_back(mails: int) -> None:
    """Say that an application has rolled back the transaction whose commit mail was waiting for."""
    log(
        logging.INFO,
        "mails_rolled_back",
        "mails dropped: %(mails)d; the transaction that they waited for was rolled back",
        mails=mails,
    )


def mails_dropped(mails: int, because: str) -> None:
    """Say that mail which an application had sent was never queued, as what it belonged to never happened."""
    log(
        logging.WARNING,
        "mails_dropped",
        "mails not queued: %(mails)d; %(because)s",
        mails=mails,
        because=because,
    )


def mails_lost(error: Exception, mails: int) -> None:
    """Say that mail which an application had sent could not be queued when its context ended."""
    log(
        logging.ERROR,
        "mails_lost",
        "mails lost at the end of the application context: %(mails)d; %(reason)s",
        mails=mails,
        reason=cause(error),
    )
