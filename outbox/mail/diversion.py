"""Where mail goes instead of its recipients, so that a test system writes to nobody outside."""

from dataclasses import dataclass

from outbox.mail.objection import Objection
from outbox.mail.status import Move, Reason


@dataclass(frozen=True, slots=True)
class Diversion:
    """Mail to the `allowed` domains goes as it is; all other goes to the address `to`, or waits for a person.

    Without either, everything goes as it is. Domains are in lower case; one stands for itself, not for those
    below it.
    """

    to: str | None = None
    allowed: frozenset[str] = frozenset()

    def of(self, recipient: str) -> str | Objection:
        """Return the address that is written to in place of `recipient`, or why nobody is."""
        if not (self.to or self.allowed) or recipient.rpartition("@")[2].lower() in self.allowed:
            return recipient
        if self.to is not None:
            return self.to
        domains = ", ".join(sorted(self.allowed))
        return Objection(
            Move.PARK, Reason.NOT_ALLOWED, f"this daemon writes to {domains} only (allowed_domains)"
        )
