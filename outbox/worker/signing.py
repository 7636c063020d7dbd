"""Sign bodies in the thread that has just read them: the event loop has no time for a key.

So each attempt is signed anew, by the key of its day.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.delivery.dkim.signer import Signer
    from outbox.store.bodies import Message


class Signing:
    """Signs messages; `clock` returns seconds since 1970."""

    def __init__(self, signer: Signer, clock: Callable[[], float]) -> None:
        self._signer = signer
        self._clock = clock

    def __call__(self, message: Message) -> Message:
        """Return `message` with its signatures in front; without bytes where signing breaks."""
        try:
            return replace(message, mime=self._signer.signed(message.mime, int(self._clock())))
        except Exception as error:  # noqa: BLE001 - one mail that we cannot handle must not stop the others
            # Not unsigned: a domain may have asked everybody to refuse that.
            problem = f"it cannot be signed: unexpected {type(error).__name__} in the daemon: {error}"
            return replace(message, mime=b"", problem=problem, may_pass=True)
