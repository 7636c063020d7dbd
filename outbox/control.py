"""What people and applications say about a mail after it was queued, in the caller's own transaction.

Nothing here commits, and nothing waits for a daemon: it learns of a change by its next look at the queue.
"""

import os
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, TypedDict, Unpack
from uuid import UUID

from sqlalchemy import Connection

from outbox.errors import InvalidRequestError
from outbox.mail.address import parse_address
from outbox.mail.identity import RANDOM_BYTES, uuid7
from outbox.mail.options import JSON
from outbox.mail.request import MEANT, MEANT_AS_NEW, Change, Request
from outbox.mail.selection import checked_note, checked_relay, checked_selection, checked_who
from outbox.mail.status import Status
from outbox.mail.stream import checked_stream
from outbox.mail.waiting import Why
from outbox.store import erasure
from outbox.store import pauses as gates
from outbox.store import suppressions as refusals
from outbox.store.erasure import Forgotten
from outbox.store.pauses import ALL, Pause
from outbox.store.renewal import Birth, not_sent_again, send_anew
from outbox.store.requests import ask
from outbox.store.schema import GateKind
from outbox.store.selection import one_message, selected
from outbox.store.standing import MessageStatus, message_status
from outbox.store.suppressions import Suppression
from outbox.store.transaction import Target, explained, usable_connection
from outbox.store.waiting import reasons


class Which(TypedDict, total=False):
    """Whose deliveries are meant, and who asks: see `cancel`."""

    key: str | None
    tag: tuple[str, JSON] | None
    recipient: str | None
    who: str | None
    note: str | None


def status(tx: Target, message: UUID | str | None = None, *, key: str | None = None) -> MessageStatus | None:
    """Return where a mail and each of its recipients stand, None if there is no such mail.

    `message` is its id or its Message-ID, `key` its idempotency key: give one of them.
    """
    connection = usable_connection(tx)
    selection = checked_selection(message, key=key)
    with explained(connection):
        id_ = one_message(connection, selection)
        return None if id_ is None else message_status(connection, id_)


def why(tx: Target, message: UUID | str | None = None, *, key: str | None = None) -> list[Why]:
    """Return for each recipient of a mail what it waits for or what became of it, and what can be done.

    The mail is named as for `status`; of an unknown one there is nothing to say.
    """
    connection = usable_connection(tx)
    selection = checked_selection(message, key=key)
    with explained(connection):
        id_ = one_message(connection, selection)
        return [] if id_ is None else reasons(connection, id_)


def cancel(tx: Target, message: UUID | str | None = None, **which: Unpack[Which]) -> list[Change]:
    """Take mail back that was not sent yet; return what came of it for each delivery.

    Give one of `message` (its id or Message-ID), `key` (its idempotency key) and `tag`, such as
    ("order", 42); of the deliveries only that to `recipient`, where it is given. A Message-ID finds a mail
    only if the outbox made it. Of a tag those that have ended are passed over. `who` asks, "application" if
    nobody says, and a `note` stay with the mail.

    Raises InvalidRequestError or InvalidEmailError for what names no mail, and whatever the database raises:
    then roll the transaction back.
    """
    return _ask(tx, Request.CANCEL, message, which)


def hold(tx: Target, message: UUID | str | None = None, **which: Unpack[Which]) -> list[Change]:
    """Keep mail that was not sent yet until somebody releases it; see `cancel` for what to give."""
    return _ask(tx, Request.HOLD, message, which)


def release(tx: Target, message: UUID | str | None = None, **which: Unpack[Which]) -> list[Change]:
    """Let go what is held or in doubt: it is due at once, as a fresh mail; see `cancel` for what to give.

    Of what is being sent it withdraws what was asked for. That a relay may hold it already is forgotten.
    """
    return _ask(tx, Request.RELEASE, message, which)


def mark_sent(tx: Target, message: UUID | str | None = None, **which: Unpack[Which]) -> list[Change]:
    """Say of mail in doubt that the relay has it, as its log shows; see `cancel` for what to give."""
    return _ask(tx, Request.MARK_SENT, message, which)


def retry(
    tx: Target, message: UUID | str | None = None, *, as_new: bool = False, **which: Unpack[Which]
) -> list[Change]:
    """Try again, now and as if for the first time, what has failed, is in doubt, or was put off.

    With `as_new`, what has ended in whatever way is sent again as a new mail, with an id, a Message-ID and a
    Date of its own and without a key; `new_message_id` of each change names it. Of a tag what was sent, or
    was sent again as a new mail already, is passed over: name that by its id or key. See `cancel` for what to
    give.
    """
    return _ask(tx, Request.RETRY, message, which, as_new=as_new)


def pause(
    tx: Target,
    *,
    stream: str | None = None,
    relay: str | None = None,
    why: str | None = None,
    who: str | None = None,
) -> bool:
    """Let no more mail of `stream`, or by `relay`, or of neither: any mail, be sent until `resume`.

    Return whether it was not paused already; if it was, the first one's `who` and `why` stay. What is being
    sent goes on.
    """
    connection = usable_connection(tx)
    kind, name = _gate(stream, relay)
    by, because = checked_who(who), checked_note("why", why)
    with explained(connection):
        return gates.pause(connection, kind, name, who=by, why=because)


def resume(tx: Target, *, stream: str | None = None, relay: str | None = None) -> bool:
    """Let mail go again that the same `pause` keeps; return whether it was paused."""
    connection = usable_connection(tx)
    kind, name = _gate(stream, relay)
    with explained(connection):
        return gates.resume(connection, kind, name)


def pauses(tx: Target) -> list[Pause]:
    """Return what is paused now."""
    connection = usable_connection(tx)
    with explained(connection):
        return gates.all_pauses(connection)


def suppress(tx: Target, address: str, why: str, who: str | None = None) -> bool:
    """Let an address get no mail any more, in whatever case it is written; return whether that is new.

    Where it is not, `why` and `who` are changed. What waits for it fails when its turn comes.
    """
    connection = usable_connection(tx)
    email = parse_address("address", address).email
    because, by = checked_note("why", why) or "", checked_who(who)
    if not because.strip():
        raise InvalidRequestError(
            "why", why, "says nothing", "Say why this address gets no mail: whoever asks is shown that."
        )
    with explained(connection):
        return refusals.suppress(connection, email, because, by)


def unsuppress(tx: Target, address: str) -> bool:
    """Let an address get mail again; return whether it was suppressed. What has failed stays so: `retry`."""
    connection = usable_connection(tx)
    email = parse_address("address", address).email
    with explained(connection):
        return refusals.unsuppress(connection, email)


def suppressions(tx: Target) -> list[Suppression]:
    """Return the addresses that get no mail, with the reasons."""
    connection = usable_connection(tx)
    with explained(connection):
        return refusals.all_suppressed(connection)


def forget(tx: Target, address: str, *, unsuppress: bool = False, who: str | None = None) -> Forgotten:
    """Erase an address from all mail, in whatever case it is written, and what was said to and of it.

    Of each mail to it or from it the body, the subject and the tags go, of each delivery to it the address
    and the relays' words; the rows stay, and say `forgotten`. What waits for it is cancelled first. A mail
    that has to go to others still, or is being sent, is left and named in `left`: call this again later.
    That the address gets no mail stays on the list, unless `unsuppress`. No body is read: an address that
    only a text, a tag or a header names, of a mail that did not go to it, is not found.
    """
    connection = usable_connection(tx)
    email = parse_address("address", address).email
    by = checked_who(who)
    with explained(connection):
        return erasure.forget(connection, email, who=by, listed=unsuppress)


def _ask(
    tx: Target, request: Request, message: UUID | str | None, which: Which, *, as_new: bool = False
) -> list[Change]:
    connection = usable_connection(tx)
    named: dict[str, Any] = dict(which)
    who, note = checked_who(named.pop("who", None)), checked_note("note", named.pop("note", None))
    selection = checked_selection(message, **named)
    with explained(connection):
        ids = selected(connection, selection, MEANT_AS_NEW if as_new else MEANT[request])
        if as_new:
            only = None if selection.tag is None else MEANT_AS_NEW
            return again(connection, ids, only=only, who=who, note=note)
        return ask(connection, ids, request, who=who, note=note)


def again(
    connection: Connection,
    ids: Sequence[int],
    *,
    only: Collection[Status] | None,
    who: str,
    note: str | None,
) -> list[Change]:
    """Send what has ended again as a new mail.

    With `only`, for mail that nobody has named, what is in one of these and was not sent again yet.
    """
    if only is not None:
        ids = not_sent_again(connection, ids)
    return send_anew(connection, ids, _birth, who=who, note=note, only=only)


def _birth() -> Birth:
    now = datetime.now(UTC)
    return Birth(now, uuid7(int(now.timestamp() * 1000), os.urandom(RANDOM_BYTES)))


def _gate(stream: str | None, relay: str | None) -> tuple[GateKind, str]:
    if stream is not None and relay is not None:
        raise InvalidRequestError(
            "stream", stream, "is given beside a relay", "Give one of both, or none for all mail."
        )
    if stream is not None:
        return GateKind.STREAM, checked_stream(stream)
    if relay is not None:
        return GateKind.RELAY, checked_relay(relay)
    return GateKind.ALL, ALL
