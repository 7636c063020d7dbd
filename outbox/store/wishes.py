"""What a person asks for while a mail is being sent: it cannot be stopped any more, but need not go again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select, update

from outbox.mail.status import Status
from outbox.store.moves import is_still
from outbox.store.schema import delivery
from outbox.store.types import Word

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from outbox.mail.status import Wish

_IS_ASKED = (delivery.c.id.in_(bindparam("ids", expanding=True)), is_still(Status.SENDING))
# In id order, as verdicts are written: two who lock the same rows the other way round deadlock.
_LOCK = select(delivery.c.id).where(*_IS_ASKED).order_by(delivery.c.id).with_for_update()
_WISH = update(delivery).where(*_IS_ASKED).values(wish=bindparam("wished", type_=Word(16)))


def wish(connection: Connection, ids: Collection[int], wished: Wish) -> int:
    """Ask this of those deliveries that are being sent, in the caller's transaction; return how many are.

    One that loses a deadlock to a daemon raises what the driver raises: run the transaction again.
    It is granted if a verdict or a rescue would let the delivery wait again, and forgotten by its next claim.
    """
    connection.execute(_LOCK, {"ids": list(ids)})
    return connection.execute(_WISH, {"ids": list(ids), "wished": wished.value}).rowcount
