"""A span for each SMTP transaction, for whoever traces: which mail, by which relay, and the answer's codes.

It has no address, no subject and no words of the relay's, in which either may be.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from outbox import events
from outbox.mail.verdict import Deferred, InDoubt, Rejected, RelayFault, Sent, Untouched, Verdict
from outbox.tracing import Tracer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outbox.delivery.relay import Relay
    from outbox.worker.parcel import Parcel

_Touched = Sent | Deferred | RelayFault | Rejected | InDoubt

# Where recipients have different verdicts, the span tells of the gravest one, the last here.
_ERRORS: dict[type[_Touched], str | None] = {
    Sent: None,
    Deferred: "deferred",
    RelayFault: "relay_fault",
    Rejected: "rejected",
    InDoubt: "in_doubt",
}
_GRAVITY = list(_ERRORS)


class Spans:
    """Tells of the transactions with one relay."""

    def __init__(self, relay: Relay) -> None:
        self._name = f"send {relay.name}"
        self._relay: dict[str, str | int] = {
            "server.address": relay.host,
            "server.port": relay.port,
            "network.protocol.name": "lmtp" if relay.lmtp else "smtp",
            "outbox.relay": relay.name,
        }
        self._tracer = Tracer()
        self._failed = False

    def ended(self, parcel: Parcel, traceparent: str | None, verdicts: Sequence[Verdict]) -> None:
        """Tell what a transaction that a relay has touched has come to; `traceparent` is the mail's own.

        What fails here hinders no mail: it is logged, and no more spans are made.
        """
        if self._failed:
            return
        try:
            touched = [verdict for verdict in verdicts if not isinstance(verdict, Untouched)]
            if touched and self._tracer.is_on:
                self._tell(parcel, traceparent, touched)
        except Exception as error:  # noqa: BLE001 - a provider may have anybody's code in it
            self._failed = True
            events.spans_failed(error)

    def _tell(self, parcel: Parcel, traceparent: str | None, verdicts: Sequence[_Touched]) -> None:
        gravest = max(verdicts, key=lambda verdict: _GRAVITY.index(type(verdict)))
        error = _ERRORS[type(gravest)]
        stage = None if isinstance(gravest, Sent) else gravest.stage or None
        answer = gravest.answer
        codes = (answer.code, answer.enhanced) if answer else (None, None)
        found: dict[str, str | int | None] = {
            "outbox.message_id": str(parcel.message_id),
            "outbox.stream": parcel.stream,
            "outbox.recipients": len(verdicts),
            "outbox.sent": sum(isinstance(verdict, Sent) for verdict in verdicts),
            "outbox.stage": stage,
            "outbox.reply_code": codes[0],
            "outbox.enhanced_code": codes[1],
            "error.type": error,
        }
        self._tracer.ended(
            self._name,
            asyncio.get_running_loop().time() - parcel.begun_at,
            self._relay | {name: value for name, value in found.items() if value is not None},
            because=traceparent,
            error=error and " ".join(str(part) for part in (error, stage, *codes) if part),
        )
