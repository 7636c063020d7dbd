"""How much may pass a gate: plain values in, plain values out, the time handed in.

A limit counts envelope recipients, as Amazon SES does. What may pass is a bucket of tokens, one for a
recipient, that fills at the rate and holds one burst. Daemons borrow from it for a tenth of a second; what
they have not used by then is void, so that in any second at most 1.1 s of the rate and one burst pass; or
two, where a mail to many has waited beside other daemons. Who borrows again gives back of that what the
bucket would still hold.
A quota counts by the UTC day of the database, and takes back what was not used.

A relay that says "slow down" is believed: half of what passes now goes on passing, more again with time, and
a day later it is forgotten.
"""

import re
from dataclasses import dataclass
from datetime import date
from math import inf

DAY = 86_400.0
BURST = 0.1
"""Seconds of the rate that may pass at once, where no burst is set; one recipient always may."""

BORROWED = 0.1
"""Seconds for which a daemon may use what it has borrowed."""

AHEAD = 0.5
"""Seconds of its rate that a daemon has in hand of what a limit keeps waiting."""

DOUBLES = 300.0
"""Seconds in which a lowered pace doubles again."""

ANEW = 5.0
"""Seconds before a pace is lowered once more: all connections are told to slow down at the same time."""

SLOWEST = 1.0
"""Recipients a second that go on passing, whatever the relay says: one tells when it takes more again."""

LOWEST_SET = 1.0 / DAY
"""Recipients a second of the lowest rate that may be set: when its mail goes on must be a date."""

_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(s|min|h)")
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}


def parse_rate(text: str) -> float:
    """Return the recipients a second that "14/s", "100/min" or "5000/h" means; else raise ValueError."""
    found = _RATE.fullmatch(text.strip())
    rate = float(found[1]) / _SECONDS[found[2]] if found else 0.0
    if not 0.0 < rate < inf:
        raise ValueError("this is no rate")
    if rate < LOWEST_SET:
        raise ValueError("this is less than one recipient a day")
    return rate


@dataclass(frozen=True, slots=True)
class Limit:
    """What may pass a gate: recipients a second, at once and a day; None is any, or the usual burst."""

    rate: float | None = None
    burst: int | None = None
    quota: int | None = None

    @property
    def is_set(self) -> bool:
        """Whether this limits anything."""
        return self.rate is not None or self.quota is not None

    def lowered(self, pace: float | None) -> "Limit":
        """Return this limit where no more than `pace` recipients a second may pass."""
        if pace is None or (self.rate is not None and self.rate <= pace):
            return self
        return Limit(pace, self.burst, self.quota)

    @property
    def at_once(self) -> float:
        """The tokens that the bucket holds: one burst."""
        if self.burst is not None:
            return float(self.burst)
        return max(1.0, BURST * (self.rate or 0.0))

    @property
    def together(self) -> int | None:
        """The recipients that one transaction may carry: one burst, and at most a day's quota; None: any.

        A transaction that is larger than the quota would never go.
        """
        burst = None if self.rate is None else int(self.at_once)
        return min((most for most in (burst, self.quota) if most is not None), default=None)


ANY = Limit()


@dataclass(frozen=True, slots=True)
class Bucket:
    """What a gate holds: `tokens` as they were `age` seconds ago, the day's `used` quota, and when it ends.

    `tokens` are None in a gate that nobody has used: it is full. `left` is in seconds.
    """

    tokens: float | None = None
    age: float = 0.0
    used: int = 0
    left: float = DAY

    def filled(self, limit: Limit) -> float:
        """Return the tokens that are there now."""
        most = limit.at_once
        if self.tokens is None:
            return most
        # Where the database's clock was set back, only the time until then is lost.
        return min(most, self.tokens + max(0.0, self.age) * (limit.rate or 0.0))


@dataclass(frozen=True, slots=True)
class Demand:
    """What a daemon would send now: the first parcel has `least` recipients, all together `most`.

    `unused` of what it borrowed before, on that `day`, were never sent: the day's quota has them back. The
    bucket has `back`: what it would hold more, had they never been borrowed. Else a mail of two limits would
    never go, of which each has a token when the other has none.
    It has `waited` for so many seconds, and was lent nothing. So many more may be `coming`: for them it is
    lent, too, and where there is too little for these alone, the gate is short of nothing.
    """

    least: int
    most: int
    unused: int = 0
    back: float = 0.0
    day: date | None = None
    waited: float = 0.0
    coming: int = 0

    @property
    def whole(self) -> int:
        """All that is wanted."""
        return self.most + self.coming


@dataclass(frozen=True, slots=True)
class Grant:
    """What is lent, and what then stands in the gate: `tokens` (None without a rate) and the quota `used`.

    `short_of` says what there was too little of, "rate" or "quota", and `wait` when to ask again, in seconds.
    Nothing is lent, and short of nothing, to a parcel that is larger than what is left of the quota.
    `day` is the quota's, where it has one.
    """

    count: int
    tokens: float | None
    used: int
    short_of: str | None = None
    wait: float = 0.0
    day: date | None = None


def grant(limit: Limit, bucket: Bucket, demand: Demand) -> Grant:
    """Return what a gate of this `limit` lends to one who asks for `demand` now."""
    used = max(0, bucket.used - demand.unused)
    tokens = min(limit.at_once, bucket.filled(limit) + demand.back) if limit.rate is not None else None
    wanted = demand.whole
    room = wanted if limit.quota is None else max(0, limit.quota - used)
    if room < min(demand.least, demand.most):
        # What is left may do for a smaller parcel.
        return Grant(0, tokens, used) if room else Grant(0, tokens, used, "quota", bucket.left)
    most = min(wanted, room)
    if limit.rate is None or tokens is None:
        return Grant(most, None, used + most, *_short(demand, most, "quota", bucket.left))
    # A parcel that is larger than the bucket, as it was packed before the pace was lowered, goes when the
    # bucket is full, and the bucket owes the rest. Beside other daemons, who take each token as it comes, the
    # bucket is never full: who has waited for twice the time that fills it goes by the first one.
    is_passed = demand.waited * limit.rate >= 2 * limit.at_once
    needed = 1.0 if is_passed else min(float(demand.least), limit.at_once)
    if tokens < needed:
        return Grant(0, tokens, used, "rate", (needed - tokens) / limit.rate)
    count = min(most, max(int(tokens), demand.least))
    left = tokens - count
    if count == most or count >= demand.most:
        return Grant(count, left, used + count, *_short(demand, count, "quota", bucket.left))
    # Half a burst later there is something to lend again, and the bucket has not run over.
    wait = max(0.5 * limit.at_once, 1.0 - left) / limit.rate
    return Grant(count, left, used + count, "rate", wait)


def _short(demand: Demand, count: int, of: str, wait: float) -> tuple[str | None, float]:
    return (of, wait) if count < demand.most else (None, 0.0)


def grown(pace: float | None, age: float | None) -> float | None:
    """Return the recipients a second that a pace of `age` seconds ago allows now; None: it is forgotten."""
    if pace is None or age is None or age >= DAY:
        return None
    return float(pace * 2.0 ** (max(0.0, age) / DOUBLES))


def slowed(passing: float, age: float | None) -> float | None:
    """Return the pace after the relay has said "slow down" while `passing` recipients a second passed.

    None: that was said `age` seconds ago already, and nothing has been seen of it yet.
    """
    if age is not None and 0.0 <= age < ANEW:
        return None
    return max(SLOWEST, passing / 2.0)


def in_hand(limit: Limit, tokens: float) -> int | None:
    """Return how many recipients a daemon may have in hand, where `tokens` are in the bucket; None is any."""
    if limit.rate is None:
        return None
    return int(tokens + AHEAD * limit.rate)
