"""What a daemon says of single deliveries: by their ids, and to whom where somebody asks for that."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from outbox.events.record import Words, log, logger, mailbox, short

if TYPE_CHECKING:
    from uuid import UUID


class _Answer(Protocol):
    @property
    def code(self) -> int: ...
    @property
    def enhanced(self) -> str | None: ...


class _Settlement(Protocol):
    @property
    def delivery_id(self) -> int: ...
    @property
    def message_id(self) -> UUID: ...
    @property
    def recipient(self) -> str | None: ...
    @property
    def relay(self) -> str: ...
    @property
    def stage(self) -> str | None: ...
    @property
    def answer(self) -> _Answer | None: ...
    @property
    def detail(self) -> str | None: ...
    @property
    def delay(self) -> float | None: ...


def delivery_failed(settlement: _Settlement) -> None:
    """Say that a delivery has failed for good; the relay's whole words stand in the database."""
    log(
        logging.INFO,
        "delivery_failed",
        "delivery %(delivery_id)d of message %(message_id)s to %(recipient)s failed, relay %(relay)s: "
        "%(reason)s",
        delivery_id=settlement.delivery_id,
        message_id=settlement.message_id,
        recipient=mailbox(settlement.recipient),
        relay=settlement.relay,
        code=settlement.answer.code if settlement.answer else None,
        reason=_reason(settlement),
    )


def delivery_deferred(settlement: _Settlement) -> None:
    """Say that a relay has put a delivery off, and when it is tried again."""
    if not logger.isEnabledFor(logging.DEBUG):  # a full relay puts off thousands
        return
    log(
        logging.DEBUG,
        "delivery_deferred",
        "delivery %(delivery_id)d of message %(message_id)s to %(recipient)s was put off, relay %(relay)s: "
        "%(reason)s; next try in %(wait).0f s",
        delivery_id=settlement.delivery_id,
        message_id=settlement.message_id,
        recipient=mailbox(settlement.recipient),
        relay=settlement.relay,
        code=settlement.answer.code if settlement.answer else None,
        reason=_reason(settlement),
        wait=settlement.delay or 0.0,
    )


def _reason(settlement: _Settlement) -> Words:
    """Return the codes alone: of one mail relays may repeat anything, in forms that nobody can foresee."""
    whole = short(settlement.detail or settlement.stage or "")
    if settlement.answer is None:
        return whole
    codes = (f"{settlement.stage}:", str(settlement.answer.code), settlement.answer.enhanced)
    return Words(" ".join(filter(None, codes)), whole.whole)
