"""Sign bodies in the thread that has just read them: the event loop has no time for a key.

So each attempt is signed anew, by the key of its day.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from outbox import events
from outbox.delivery.dkim.signer import domain_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.delivery.dkim.signer import Signer
    from outbox.store.bodies import Message

_MOST_TOLD = 100
"""Domains without a key that are told, each once: who has more of them serves tenants, and knows."""


class Signing:
    """Signs messages; `clock` returns seconds since 1970."""

    def __init__(self, signer: Signer, clock: Callable[[], float]) -> None:
        self._signer = signer
        self._clock = clock
        self._told: set[str | None] = set()

    def __call__(self, message: Message) -> Message:
        """Return `message` with its signatures in front; without bytes where signing breaks."""
        try:
            signed = self._signer.signed(message.mime, int(self._clock()))
            if signed is message.mime and signed and len(self._told) < _MOST_TOLD:
                self._tell(domain_of(signed))
            return replace(message, mime=signed)
        except Exception as error:  # noqa: BLE001 - one mail that we cannot handle must not stop the others
            # Not unsigned: a domain may have asked everybody to refuse that.
            problem = f"it cannot be signed: unexpected {type(error).__name__} in the daemon: {error}"
            return replace(message, mime=b"", problem=problem, may_pass=True)

    def _tell(self, domain: str | None) -> None:
        if domain not in self._told:
            self._told.add(domain)
            events.mail_unsigned(domain or "more or less than one mailbox")
