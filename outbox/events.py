"""Every event that we log: its name, its level, its fields, and the sentence a person reads.

Most are the daemon's; those of an application are about mail that it has sent, and that was not queued.
Logic elsewhere holds no log strings. The fields travel with the record, as its attribute `outbox`, for
formatters that want them; no event carries an address, a subject or a secret.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from uuid import UUID

_logger = logging.getLogger("outbox")
_SHOWN = 300
_ADDRESS = re.compile(r"<?[^\s<>@]+@[^\s<>@]+>?")


class _Fault(Protocol):
    @property
    def reason(self) -> str: ...
    @property
    def stage(self) -> str: ...


def daemon_started(session: UUID, database: str, host: str, port: int) -> None:
    """Say that a session has begun; `database` is a URL without its password."""
    _log(
        logging.INFO,
        "daemon_started",
        "session %(session)s sends through %(host)s:%(port)d what is in %(database)s",
        session=session,
        database=database,
        host=host,
        port=port,
    )


def daemon_draining(under_way: int) -> None:
    """Say that the daemon was told to stop and finishes what has begun."""
    _log(
        logging.INFO,
        "daemon_draining",
        "stopping: %(under_way)d connections finish what has begun; asked again, it leaves at once",
        under_way=under_way,
    )


def daemon_stopped(sent: int, failed: int, deferred: int) -> None:
    """Say that the daemon has ended in order."""
    _log(
        logging.INFO,
        "daemon_stopped",
        "stopped: %(sent)d sent, %(failed)d failed, %(deferred)d deferred in this session",
        sent=sent,
        failed=failed,
        deferred=deferred,
    )


def daemon_failed(error: BaseException) -> None:
    """Say that a daemon within an application has ended by a fault: nothing is sent until it is started."""
    _log(
        logging.ERROR,
        "daemon_failed",
        "the daemon has ended, and nothing is sent until it is started again: %(reason)s",
        reason=_cause(error),
    )


def dkim_key_short(domain: str, selector: str, bits: int) -> None:
    """Say that mail is signed by an RSA key that verifiers may trust less (RFC 8301)."""
    _log(
        logging.WARNING,
        "dkim_key_short",
        "the DKIM key %(selector)s of %(domain)s has %(bits)d bits; make one of 2048: outbox dkim keygen",
        domain=domain,
        selector=selector,
        bits=bits,
    )


def relay_fault(relay: str, fault: _Fault, wait: float) -> None:
    """Say that the relay or the way to it failed, no mail is blamed; `wait` seconds, 0 while others go on."""
    _log(
        logging.WARNING,
        "relay_fault",
        "%(reason)s; next try in %(wait).1f s" if wait else "%(reason)s; trying again",
        relay=relay,
        stage=fault.stage,
        reason=_short(fault.reason),
        wait=wait,
    )


def relay_slow(relay: str, reason: str) -> None:
    """Say what a relay lets us wait for before any mail; a wrong port or TLS mode is silent, too."""
    _log(logging.WARNING, "relay_slow", "%(reason)s", relay=relay, reason=_short(reason))


def relay_down(relay: str, wait: float) -> None:
    """Say that nobody sends by a relay for `wait` seconds, as another daemon has found it failing."""
    _log(
        logging.WARNING,
        "relay_down",
        "relay %(relay)s is down, as another daemon has met; next try in %(wait).1f s",
        relay=relay,
        wait=wait,
    )


def relay_probed(relay: str) -> None:
    """Say that this daemon tries one mail at a relay that was down; no other one does."""
    _log(logging.INFO, "relay_probed", "relay %(relay)s is tried with one mail", relay=relay)


def relay_slowed(relay: str, pace: float) -> None:
    """Say that a relay was believed which said that we are too fast; `pace` is in recipients a second."""
    _log(
        logging.WARNING,
        "relay_slowed",
        "relay %(relay)s says that we are too fast: %(pace).3g recipients a second go on, and slowly more",
        relay=relay,
        pace=pace,
    )


def quota_spent(kind: str, name: str, wait: float) -> None:
    """Say that a day's quota of a relay or a stream is used up; `wait` is in seconds."""
    _log(
        logging.WARNING,
        "quota_spent",
        "the quota of %(kind)s %(name)s is spent for today: its mail goes on in %(wait).0f s",
        kind=kind,
        name=name,
        wait=wait,
    )


def policy_storm(relay: str, deliveries: int, reason: str) -> None:
    """Say that a relay refuses everything for one reason, so that mail is held instead of failing."""
    _log(
        logging.ERROR,
        "policy_storm",
        "relay %(relay)s refuses one mail after the other for the same reason: %(deliveries)d deliveries are "
        "held (policy_storm) instead of failing; look at %(reason)s, then release them",
        relay=relay,
        deliveries=deliveries,
        reason=_short(reason),
    )


def relay_back(relay: str) -> None:
    """Say that the relay judges mail again."""
    _log(logging.INFO, "relay_back", "relay %(relay)s works again", relay=relay)


def rerouted(stream: str, relay: str | None, first: str) -> None:
    """Say by which relay the mail of a stream goes from now on: its first one, another while that is down."""
    if relay == first:
        words = "the mail of stream %(stream)s goes through relay %(relay)s again"
    elif relay is None:
        words = (
            "the mail of stream %(stream)s waits: relay %(first)s is down, and so is every other one it names"
        )
    else:
        words = "the mail of stream %(stream)s goes through relay %(relay)s: relay %(first)s is down"
    level = logging.INFO if relay == first else logging.WARNING
    _log(level, "rerouted", words, stream=stream, relay=relay, first=first)


def relay_learnt(relay: str, reason: str) -> None:
    """Say what a relay was seen to bear, or not; it is met more carefully for a day."""
    _log(logging.WARNING, "relay_learnt", "relay %(relay)s: %(reason)s", relay=relay, reason=_short(reason))


def database_unavailable(error: Exception, wait: float) -> None:
    """Say that the database did not answer; nothing is lost, and it is tried again in `wait` seconds."""
    _log(
        logging.WARNING,
        "database_unavailable",
        "database: %(reason)s; next try in %(wait).1f s",
        reason=_cause(error),
        wait=wait,
    )


def database_back() -> None:
    """Say that the database answers again."""
    _log(logging.INFO, "database_back", "the database answers again")


def record_failed(error: Exception, verdicts: int) -> None:
    """Say that verdicts wait to be written; they are kept, and soon nothing new is sent."""
    _log(
        logging.WARNING,
        "record_failed",
        "%(verdicts)d verdicts wait to be written: %(reason)s",
        verdicts=verdicts,
        reason=_cause(error),
    )


def verdicts_wait(verdicts: int) -> None:
    """Say that an open transaction keeps verdicts from being written; the others are."""
    _log(
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
    _log(
        logging.ERROR,
        "verdict_refused",
        "the database refuses the verdict %(move)s on delivery %(delivery_id)d: %(reason)s; "
        f"the mail {happened}{' (the relay said: %(answer)s)' if answer else ''}, and stays 'sending' until "
        "this is written, which is tried every minute: look at the constraint or trigger that is named here",
        move=move,
        delivery_id=delivery_id,
        answer=answer and _short(answer),
        sent=sent,
        reason=_cause(error),
    )


def verdicts_again(verdicts: int, *, stalled: bool) -> None:
    """Say that verdicts are tried again which the database has refused."""
    _log(
        logging.WARNING,
        "verdicts_again",
        "trying %(verdicts)d verdicts again that the database refused"
        + ("; nothing new is sent until they are written" if stalled else ""),
        verdicts=verdicts,
        stalled=stalled,
    )


def verdicts_left(verdicts: int) -> None:
    """Say that the daemon leaves without having written all that it knows."""
    _log(
        logging.ERROR,
        "verdicts_left",
        "left with %(verdicts)d verdicts unwritten: their mails will be rescued, and some may go out twice",
        verdicts=verdicts,
    )


def late_verdicts(late: int, dropped: int) -> None:
    """Say that verdicts came after their claim was lost: the telling ones were kept, the others dropped."""
    _log(
        logging.WARNING,
        "late_verdicts",
        "%(late)d late verdicts kept, %(dropped)d dropped: another session had taken over",
        late=late,
        dropped=dropped,
    )


def beat_failed(error: Exception) -> None:
    """Say that the lease could not be renewed; sending stops when it is over."""
    _log(logging.WARNING, "beat_failed", "the lease was not renewed: %(reason)s", reason=_cause(error))


def session_lost(lost: UUID, successor: UUID) -> None:
    """Say that another daemon has declared this session lost."""
    _log(
        logging.ERROR,
        "session_lost",
        "session %(session)s was declared lost while it was silent; it goes on as %(successor)s",
        session=lost,
        successor=successor,
    )


def rescued(sessions: int, deliveries: int) -> None:
    """Say that silent sessions were declared lost, and what they held was taken from them."""
    _log(
        logging.WARNING,
        "rescued",
        "%(sessions)d sessions were lost; %(deliveries)d of their deliveries were rescued",
        sessions=sessions,
        deliveries=deliveries,
    )


def journal_off() -> None:
    """Say that this daemon keeps no journal, as it was told of no directory."""
    _log(
        logging.INFO,
        "journal_off",
        "no journal: what this daemon has in hand when it is killed waits for its lease to be over; "
        "give state_dir a directory, and the next start on this host settles it at once",
    )


def journal_failed(path: str, error: Exception) -> None:
    """Say that the journal cannot be written or read; mail goes on without it."""
    _log(
        logging.ERROR,
        "journal_failed",
        "the journal in %(path)s cannot be used: %(reason)s; mail goes on without it, and what this daemon "
        "has in hand, should it be killed, waits for its lease",
        path=path,
        reason=_cause(error),
    )


def journal_back(path: str) -> None:
    """Say that the journal is written again."""
    _log(logging.WARNING, "journal_back", "the journal in %(path)s is written again", path=path)


def journal_torn(file: str, skipped: int) -> None:
    """Say that a journal has bytes that are no lines of it: the last was cut, or somebody wrote there."""
    _log(
        logging.WARNING,
        "journal_torn",
        "journal %(file)s: %(skipped)d bytes are no whole line, and are skipped",
        file=file,
        skipped=skipped,
    )


def journal_refused(file: str, because: str) -> None:
    """Say that a journal is not believed; it stays where it is."""
    _log(
        logging.ERROR,
        "journal_refused",
        "journal %(file)s is not read: %(because)s; move it away, or give each daemon its own state_dir",
        file=file,
        because=because,
    )


def journal_settled(session: UUID, known: int, doubts: int, released: int, apart: int) -> None:
    """Say what the journal told of a session whose daemon was killed; `apart` go alone, as suspects."""
    _log(
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


def expired(deliveries: int) -> None:
    """Say that waiting mail has passed its `expires_at`."""
    _log(
        logging.INFO,
        "expired",
        "%(deliveries)d deliveries expired before they could be sent",
        deliveries=deliveries,
    )


def objected(deliveries: int, outcome: str, because: str, detail: str) -> None:
    """Say that mail was not sent because its address is suppressed, or a guard wants a person to look."""
    _log(
        logging.WARNING,
        "objected",
        "%(deliveries)d deliveries were not sent and are %(outcome)s (%(because)s): %(detail)s",
        deliveries=deliveries,
        outcome=outcome,
        because=because,
        detail=_short(detail),
    )


def permitted(forbidden: str) -> None:
    """Say what people forbid now, when that has changed; empty: nothing any more."""
    words = "%(forbidden)s: what is there waits" if forbidden else "nothing is paused any more%(forbidden)s"
    _log(logging.WARNING if forbidden else logging.INFO, "permitted", words, forbidden=forbidden)


def duty_failed(error: Exception) -> None:
    """Say that a periodic duty could not reach the database; it runs again at its next time."""
    _log(logging.WARNING, "duty_failed", "a periodic duty failed: %(reason)s", reason=_cause(error))


def mails_rolled_back(mails: int) -> None:
    """Say that an application has rolled back the transaction whose commit mail was waiting for."""
    _log(
        logging.INFO,
        "mails_rolled_back",
        "mails dropped: %(mails)d; the transaction that they waited for was rolled back",
        mails=mails,
    )


def mails_dropped(mails: int, because: str) -> None:
    """Say that mail which an application had sent was never queued, as what it belonged to never happened."""
    _log(
        logging.WARNING,
        "mails_dropped",
        "mails not queued: %(mails)d; %(because)s",
        mails=mails,
        because=because,
    )


def mails_lost(error: Exception, mails: int) -> None:
    """Say that mail which an application had sent could not be queued when its context ended."""
    _log(
        logging.ERROR,
        "mails_lost",
        "mails lost at the end of the application context: %(mails)d; %(reason)s",
        mails=mails,
        reason=_cause(error),
    )


def sender_failed(error: Exception) -> None:
    """Say that this program is at fault: the mail is deferred, or in doubt, and the others go on."""
    _logger.error(
        "a mail could not be handled: %s", error, exc_info=error, extra={"outbox": {"event": "sender_failed"}}
    )


def _log(level: int, event: str, sentence: str, **fields: object) -> None:
    # logging takes a mapping as named arguments only when there is something in it.
    arguments = (fields,) if fields else ()
    _logger.log(level, sentence, *arguments, extra={"outbox": {"event": event, **fields}})


def _cause(error: BaseException) -> str:
    """Return the driver's own words, without the statement and its parameters, which hold mail."""
    original = getattr(error, "orig", None) or error
    # PostgreSQL adds the failing row as a detail; its first line says what happened.
    return _short(str(getattr(getattr(original, "diag", None), "message_primary", None) or original))


def _short(text: str) -> str:
    """Return `text` on one line, bounded, and without the addresses that relays like to repeat."""
    return _ADDRESS.sub("<address>", " ".join(text.split()))[:_SHOWN]
