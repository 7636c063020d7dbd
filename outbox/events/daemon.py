"""What a daemon says of its own life, its session and its duties."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from outbox.events.record import cause, log, logger, short

if TYPE_CHECKING:
    from uuid import UUID


def daemon_started(session: UUID, database: str, host: str, port: int) -> None:
    """Say that a session has begun; `database` is a URL without its password."""
    log(
        logging.INFO,
        "daemon_started",
        "session %(session)s sends through %(host)s:%(port)d what is in %(database)s",
        session=session,
        database=database,
        host=host,
        port=port,
    )


def daemon_draining(under_way: int, *, reloads: bool = False) -> None:
    """Say that the daemon was told to stop, or to work by newer settings, and finishes what has begun."""
    words = "stopping: %(under_way)d connections finish what has begun; asked again, it leaves at once"
    if reloads:
        words = "the new settings can be used: they are when %(under_way)d connections have finished"
    log(logging.INFO, "daemon_draining", words, under_way=under_way, reloads=reloads)


def reloading() -> None:
    """Say that the daemon was told to read its settings anew."""
    log(logging.INFO, "reloading", "the settings are read anew")


def reload_refused(reason: str) -> None:
    """Say why the new settings cannot be used; the daemon works on by those that it has."""
    log(
        logging.ERROR,
        "reload_refused",
        "the new settings cannot be used, and those in use stay: %(reason)s",
        reason=short(reason),
    )


def reloaded() -> None:
    """Say that the daemon works by the new settings."""
    log(logging.INFO, "reloaded", "reloaded: what follows is by the new settings")


def part_stuck(part: str, patience: float) -> None:
    """Say that a part of the daemon does not move: the watchdog gets no word, and systemd restarts it."""
    log(
        logging.ERROR,
        "part_stuck",
        "the %(part)s has been stuck for more than %(patience).0f s: the watchdog is not fed any more",
        part=part,
        patience=patience,
    )


def daemon_stopped(sent: int, failed: int, deferred: int) -> None:
    """Say that the daemon has ended in order."""
    log(
        logging.INFO,
        "daemon_stopped",
        "stopped: %(sent)d sent, %(failed)d failed, %(deferred)d deferred in this session",
        sent=sent,
        failed=failed,
        deferred=deferred,
    )


def daemon_failed(error: BaseException) -> None:
    """Say that a daemon within an application has ended by a fault: nothing is sent until it is started."""
    log(
        logging.ERROR,
        "daemon_failed",
        "the daemon has ended, and nothing is sent until it is started again: %(reason)s",
        reason=cause(error),
    )


def daemon_crashed(error: Exception) -> None:
    """Say that this program is at fault, and the daemon has ended by that."""
    logger.error(
        "the daemon has ended by a fault of this program: %s",
        cause(error),
        exc_info=error,
        extra={"outbox": {"event": "daemon_crashed"}},
    )


def descriptors_short(reason: str, wait: float) -> None:
    """Say that this process opens no connection to a relay for want of descriptors, and the remedy."""
    log(
        logging.ERROR,
        "descriptors_short",
        "%(reason)s. Give it more (LimitNOFILE of the unit, ulimit -n), or fewer connections (connections)"
        + ("; next try in %(wait).1f s" if wait else "; the open ones go on"),
        reason=short(reason),
        wait=wait,
    )


def dkim_key_short(domain: str, selector: str, bits: int) -> None:
    """Say that mail is signed by an RSA key that verifiers may trust less (RFC 8301)."""
    log(
        logging.WARNING,
        "dkim_key_short",
        "the DKIM key %(selector)s of %(domain)s has %(bits)d bits; make one of 2048: outbox dkim keygen",
        domain=domain,
        selector=selector,
        bits=bits,
    )


def mail_unsigned(domain: str) -> None:
    """Say that mail of a domain goes out unsigned, while there are keys of others."""
    log(
        logging.WARNING,
        "mail_unsigned",
        "mail from %(domain)s goes unsigned, as no DKIM key is for exactly that: see outbox dkim keygen",
        domain=domain,
    )


def beat_failed(error: Exception) -> None:
    """Say that the lease could not be renewed; sending stops when it is over."""
    log(logging.WARNING, "beat_failed", "the lease was not renewed: %(reason)s", reason=cause(error))


def session_lost(lost: UUID, successor: UUID) -> None:
    """Say that another daemon has declared this session lost."""
    log(
        logging.ERROR,
        "session_lost",
        "session %(session)s was declared lost while it was silent; it goes on as %(successor)s",
        session=lost,
        successor=successor,
    )


def rescued(sessions: int, deliveries: int) -> None:
    """Say that silent sessions were declared lost, and what they held was taken from them."""
    log(
        logging.WARNING,
        "rescued",
        "%(sessions)d sessions were lost; %(deliveries)d of their deliveries were rescued",
        sessions=sessions,
        deliveries=deliveries,
    )


def duty_failed(error: Exception) -> None:
    """Say that a periodic duty could not reach the database; it runs again at its next time."""
    log(logging.WARNING, "duty_failed", "a periodic duty failed: %(reason)s", reason=cause(error))


def duty_hangs(duty: str, wait: float) -> None:
    """Say that a periodic duty is at work for longer than it should; the others go on, but it does not."""
    log(
        logging.ERROR,
        "duty_hangs",
        "the duty %(duty)s has been at work for %(wait).0f s: restart the daemon if it does not end",
        duty=duty,
        wait=wait,
    )


def expired(deliveries: int) -> None:
    """Say that waiting mail has passed its `expires_at`."""
    log(
        logging.INFO,
        "expired",
        "%(deliveries)d deliveries expired before they could be sent",
        deliveries=deliveries,
    )


def objected(deliveries: int, outcome: str, because: str, detail: str) -> None:
    """Say that mail was not sent because its address is suppressed, or a guard wants a person to look."""
    log(
        logging.WARNING,
        "objected",
        "%(deliveries)d deliveries were not sent and are %(outcome)s (%(because)s): %(detail)s",
        deliveries=deliveries,
        outcome=outcome,
        because=because,
        detail=short(detail),
    )


def permitted(forbidden: str) -> None:
    """Say what people forbid now, when that has changed; empty: nothing any more."""
    words = "%(forbidden)s: what is there waits" if forbidden else "nothing is paused any more%(forbidden)s"
    log(logging.WARNING if forbidden else logging.INFO, "permitted", words, forbidden=forbidden)


def spans_failed(error: Exception) -> None:
    """Say that what the process traces by has failed: mail goes on, without spans by this relay."""
    log(
        logging.ERROR,
        "spans_failed",
        "no spans are made any more, until a restart: %(kind)s: %(reason)s",
        kind=type(error).__name__,
        reason=cause(error),
    )


def sender_failed(error: Exception) -> None:
    """Say that this program is at fault: the mail is deferred, or in doubt, and the others go on."""
    logger.error(
        "a mail could not be handled: %s",
        cause(error),
        exc_info=error,
        extra={"outbox": {"event": "sender_failed"}},
    )
