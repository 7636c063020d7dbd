"""All ways of sending that are measured, by their names on the command line, in groups that are compared."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from bench.daemon import CONNECTIONS
from bench.databases import NAMES, title
from bench.distance import distant, measured_round_trip
from bench.drain import drain
from bench.postfix import sink
from bench.run import Run
from bench.ways import ENGINE, FLASK_MAIL, POSTFIX, PYTHON, Way

ROUND_TRIP = 0.02
"""Seconds that the distance adds to a round trip."""
_TRIPS = 80
"""At the distance a connection gets so many fewer round trips than `--mails`: 5 s of them for 20,000."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way of sending, into a fresh server: it is asked for a share of the mails, which `run` sends."""

    name: str
    title: str
    share: float
    run: Callable[[int], Run]

    def mails(self, wanted: int) -> int:
        """Return how many mails it sends where `wanted` were asked for."""
        return max(1, int(wanted * self.share))


@dataclass(frozen=True, slots=True)
class Group:
    """Contestants that are compared with one another.

    `beside` has the columns of ratios: each names those that all are compared with, of whom the best counts.
    """

    title: str
    names: tuple[str, ...]
    beside: dict[str, tuple[str, ...]]


def _drain(kind: str) -> Contestant:
    words = f"outbox, {title(kind)}, {CONNECTIONS} connections"
    return Contestant(kind, words, 1, lambda mails: drain(kind, mails))


def _near(way: Way) -> Contestant:
    def run(mails: int) -> Run:
        with sink() as port:
            return way.send(port, mails)

    return Contestant(way.name, way.title, way.share, run)


def _far(way: Way) -> Contestant:
    def run(mails: int) -> Run:
        with sink() as near, distant(near, ROUND_TRIP) as port:
            measured = measured_round_trip(port)
            return replace(way.send(port, mails), round_trip=measured, connections=way.connections)

    share = way.connections / way.trips / _TRIPS
    return Contestant(far_name(way.name), way.title, share, run)


def _ceiling(way: Way) -> Contestant:
    """Measure the proxy itself: all of its work, and no distance."""

    def run(mails: int) -> Run:
        with sink() as near, distant(near, 0.0) as port:
            return way.send(port, mails)

    return Contestant("proxy", "the same through the proxy, without delay", way.share, run)


def far_name(name: str) -> str:
    """Return what a contestant is called at the distance."""
    return f"{name}@{ROUND_TRIP * 1000:g}ms"


def _names(contestants: Iterable[Way | Contestant]) -> tuple[str, ...]:
    return tuple(contestant.name for contestant in contestants)


_WAYS = (*ENGINE, *PYTHON, *POSTFIX)
_DRAINS = tuple(map(_drain, NAMES))
_FAR = tuple(map(_far, _WAYS))
_PROXY = _ceiling(POSTFIX[-1])

CONTESTANTS = (*_DRAINS, *map(_near, (*_WAYS, FLASK_MAIL)), *_FAR, _PROXY)
PEERS = _names(PYTHON)
FAR_PEERS = tuple(map(far_name, PEERS))
GROUPS = {
    "drain": Group(
        "A drain by the daemon, beside other ways",
        (*_names(_DRAINS), "smtp-source", "smtp-source-kept", "smtplib-1", "flask-mail"),
        {"x Flask-Mail": ("flask-mail",), "x smtp-source": ("smtp-source",)},
    ),
    "engine": Group(
        "The engine alone, without a database",
        _names(_WAYS),
        {"x best Python": PEERS, "x smtp-source": ("smtp-source",)},
    ),
    "distance": Group(
        f"The same at a distance: a round trip takes {ROUND_TRIP * 1000:g} ms more",
        _names(_FAR),
        {"x best Python": FAR_PEERS},
    ),
    "ceiling": Group("What the server and the proxy take at most", (POSTFIX[-1].name, _PROXY.name), {}),
}
