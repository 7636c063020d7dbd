"""How long to leave a database alone that did not answer."""

FIRST = 0.1
LONGEST = 5.0


def backoff(failures: int, spread: float) -> float:
    """Return the seconds to wait after so many failures in a row: twice as long each time, at most five.

    `spread` is a random number from 0 to 1. It takes up to half away: the daemons of a server that comes back
    must not all return at once.
    """
    return min(FIRST * 2.0 ** min(failures - 1, 10), LONGEST) * (1 - spread / 2)
