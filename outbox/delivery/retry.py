"""When a deferred delivery is tried again, and when it is too old to be.

Postfix's schedule: the first retry after five minutes, each wait twice the one before it, at most 4,000
seconds, until five days after the relay first judged the mail (RFC 5321 section 4.5.4.1: four to five
days). A few judged attempts are owed to every mail, however long the relay was away in between.
"""

from dataclasses import dataclass

LIFETIME = 5 * 86_400.0
"""Seconds after the first judged attempt."""

OWED_ATTEMPTS = 5
"""Judged attempts that a mail gets whatever its age."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The waits, in seconds: `base` before the first retry, `cap` at most, `doubt_pause` after a doubt.

    `fault_pause` is the wait of a mail in whose transaction the relay named a fault of its own.
    """

    base: float = 300.0
    cap: float = 4000.0
    doubt_pause: float = 600.0
    fault_pause: float = 30.0

    def delay(self, attempts: int, chance: float) -> float:
        """Return the wait after the `attempts`-th judged attempt; `chance` in [0, 1) spreads it by a quarter.

        Without the spread all mail that an outage deferred would come due at the same moment.
        """
        # The exponent is capped only to keep the power finite; the wait has reached `cap` long before.
        wait = min(self.base * 2.0 ** min(attempts - 1, 30), self.cap)
        return wait * (0.75 + chance / 2)

    @staticmethod
    def is_too_old(attempts: int, judged_ago: float | None) -> bool:
        """Tell whether the `attempts`-th judged attempt was the last; `judged_ago` is the first one's age."""
        return attempts >= OWED_ATTEMPTS and judged_ago is not None and judged_ago >= LIFETIME
