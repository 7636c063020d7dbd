"""How much may be tried at a relay that fails: plain values in, plain values out, the time handed in.

It opens after as many relay faults in a row as there are connections, or one that speaks of all of them, for
all daemons. While it is open nothing is tried but, after waits that double from 1 s to 40 s, one mail over
one connection in the whole cluster: the probe, for which a daemon asks. A mail that was judged, whatever the
verdict and by whichever daemon, closes it for all, and the width of each grows 1, 2, 4, … back to all
connections.

A daemon that opened it, and saw another one close it, may be the only one that cannot reach the relay. Until
it has had a mail judged itself it opens its own breaker only, and probes by itself. So does one that lacks
what it takes to connect: that says nothing to the others.
"""

from __future__ import annotations

from enum import Enum, auto

FIRST_WAIT = 1.0

LONGEST_WAIT = 40.0
"""Seconds, spread by a quarter: so that within 50 s of its return the relay is noticed."""

PROBE = 45.0
"""Seconds that a probe keeps others from the relay, at most: more than connecting may take."""


class News(Enum):
    """What has happened to a breaker that the other daemons must know."""

    OPENED = auto()
    FAILED = auto()
    """The probe was ours, and failed."""
    LEFT = auto()
    """The probe was ours, and is free again."""
    CLOSED = auto()
    RECOVERED = auto()
    """It works at full width: the waits of before are forgotten."""


class Breaker:
    """The breaker of one relay, for `connections` senders; times are seconds of any steady clock.

    `news` is the last thing that others do not know yet; who has told them takes it away.
    """

    def __init__(self, connections: int) -> None:
        self.news: News | None = None
        self._connections = connections
        self._width = connections
        self._faults = 0
        self._waits = 0
        self._retry_at: float | None = None
        # Until when it is ours, or was, since its verdict is not known yet.
        self._probe_until: float | None = None
        self._opened_it = False
        self._is_refuted = False
        self._is_alone = False

    @property
    def is_open(self) -> bool:
        """Whether the relay is considered down."""
        return self._retry_at is not None

    @property
    def waits(self) -> int:
        """How often it has opened since the relay last worked at full width."""
        return self._waits

    def width(self, now: float) -> int:
        """Return how many connections may work at once: none, one as a probe, or more."""
        if self._retry_at is None:
            return self._width
        return 1 if self._may_try(now) else 0

    def hindrance(self, now: float) -> str | None:
        """Return what the relay does that nothing goes through it at `now`, or None."""
        if not self.is_open:
            return None
        wait = self.wait(now)
        return f"is down, next try in {wait:.0f} s" if wait else "is down, is being tried"

    def wait(self, now: float) -> float:
        """Return the seconds until something may be tried, by whoever it is; 0 when it may now."""
        return 0.0 if self._retry_at is None else max(0.0, self._retry_at - now)

    def may_ask(self, now: float) -> bool:
        """Tell whether the wait is over and the probe is to be had, if no other daemon has it."""
        return self._retry_at is not None and now >= self._retry_at and not self._may_try(now)

    def take_probe(self, now: float) -> None:
        """Note that the one probe is this daemon's, and since when, at least."""
        # Not where a mail was judged meanwhile: who closes it for all has ended the probe, too.
        if self._retry_at is not None:
            self._probe_until = now + PROBE

    def leave_probe(self) -> None:
        """Let another daemon have the probe, if it is ours."""
        if self._probe_until is not None and self._retry_at is not None:
            self._probe_until = None
            self.news = News.LEFT

    def fault(self, now: float, chance: float, *, of_all: bool = False, ours: bool = False) -> bool:
        """Count a relay fault; tell whether it opened the breaker. `chance` in [0, 1) spreads the wait.

        One `of_all` connections opens it alone. One of `ours` says nothing of the relay: the other daemons
        are not kept from it, and may have the probe.
        """
        self._faults += self._width if of_all else 1
        if self._retry_at is not None:
            # What comes else is a straggler of the time before it opened, or of a connection that hung.
            if self._probe_until is not None or self._may_try(now):
                if self._probe_until is not None:
                    self.news = News.LEFT if ours else News.FAILED
                self._put_off(now, chance)
            return False
        if self._faults < self._width:
            return False
        self._is_alone = self._is_refuted or ours
        if not self._is_alone:
            self.news = News.OPENED
        self._put_off(now, chance)
        return True

    def opened_for_all(self) -> None:
        """Note that the others have it from us that the relay is down, if it still is."""
        self._opened_it = self.is_open

    def judged(self) -> bool:
        """Note that the relay judged a mail; tell whether this closed the breaker."""
        self._faults = 0
        self._is_refuted = False
        if self._retry_at is not None:
            self._close()
            self.news = News.CLOSED
            return True
        if self._width < self._connections:
            self._width = min(self._width * 2, self._connections)
        elif self._waits and self.news is None:
            # Only when the others know that it is closed.
            self._waits = 0
            self.news = News.RECOVERED
        return False

    def adopt(self, open_for: float | None, waits: int, now: float) -> bool:
        """Do as all do: open for so many seconds, None closed; tell whether this has opened or closed it."""
        was_open = self._retry_at is not None
        if open_for is not None:
            self._retry_at = now + max(0.0, open_for)
            self._waits = waits
            self._is_alone = False
            return not was_open
        if self._is_alone:
            return False
        # Also of before this daemon began: who works at full width first has them forgotten by all.
        self._waits = waits
        if was_open:
            self._is_refuted = self._opened_it
            self._close()
        return was_open

    def _may_try(self, now: float) -> bool:
        if self._probe_until is not None and now < self._probe_until:
            return True
        return self._is_alone and self._retry_at is not None and now >= self._retry_at

    def _put_off(self, now: float, chance: float) -> None:
        wait = min(FIRST_WAIT * 2.0 ** min(self._waits, 30), LONGEST_WAIT)
        self._retry_at = now + wait * (0.75 + chance / 2)
        self._waits += 1
        self._probe_until = None

    def _close(self) -> None:
        self._retry_at = None
        self._width = 1
        self._faults = 0
        self._probe_until = None
        self._opened_it = False
        self._is_alone = False
