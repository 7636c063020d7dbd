"""Turn what the daemon has counted, how it is, and how much waits into families, at each scrape."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from outbox._version import __version__
from outbox.mail.status import Status
from outbox.mail.stream import DEFAULT
from outbox.metrics import catalogue
from outbox.metrics.catalogue import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from prometheus_client.metrics_core import Metric as Family

    from outbox.metrics.catalogue import Metric
    from outbox.store.depth import Depth
    from outbox.worker.tally import Histogram, Tally
    from outbox.worker.vitals import Vitals

OTHER = "other"
"""All streams that the settings do not name."""

_UNFINISHED = (Status.PENDING, Status.SENDING, Status.HELD, Status.IN_DOUBT)
# What waits for a person is not due.
_DUE = frozenset({Status.PENDING, Status.SENDING})
_JOURNAL_STATES = ("off", "written", "failed")
_CODE_CLASSES = ("4xx", "5xx", "none")

Samples = Iterable[tuple[tuple[str, ...], float]]


class OutboxCollector(Collector):
    """Collects of the daemon whose `vitals` there are, if it has begun, and of the queue by `depths`.

    The `streams` that the settings name have ages of their own.
    """

    def __init__(
        self,
        vitals: Callable[[], Vitals | None],
        depths: Callable[[], Sequence[Depth] | None],
        streams: Iterable[str],
    ) -> None:
        self._vitals = vitals
        self._depths = depths
        self.name(streams)

    def name(self, streams: Iterable[str]) -> None:
        """Take these streams as those that the settings name."""
        # Somebody may name a stream after its customer's address.
        self._streams = {DEFAULT, *(name for name in streams if "@" not in name)}

    def describe(self) -> Iterable[Family]:
        """Say nothing beforehand: what there is turns out at a scrape."""
        return ()

    def collect(self) -> Iterator[Family]:
        """Yield every family that there is something of."""
        yield _family(catalogue.BUILD, [((__version__,), 1.0)])
        vitals, depths = self._vitals(), self._depths()
        reaches = vitals is not None and vitals.reaches_database
        yield _family(catalogue.DATABASE_UP, [((), float(depths is not None and reaches))])
        if depths is not None:
            yield from self._of_the_queue(depths)
        if vitals is not None:
            yield from _of_the_daemon(vitals)
            yield from _counted(vitals.tally, vitals.desks.names)

    def _of_the_queue(self, depths: Sequence[Depth]) -> Iterator[Family]:
        deliveries, streams = dict.fromkeys(_UNFINISHED, 0), self._streams
        ages = dict.fromkeys([*sorted(streams), OTHER], 0.0)
        for depth in depths:
            deliveries[depth.status] += depth.deliveries
            if depth.status in _DUE:
                stream = depth.stream if depth.stream in streams else OTHER
                ages[stream] = max(ages[stream], depth.oldest_due_age)
        yield _family(catalogue.OLDEST_DUE_AGE, [((), max(ages.values()))])
        yield _family(catalogue.STREAM_OLDEST_DUE_AGE, _labelled(ages))
        yield _family(catalogue.DELIVERIES, _labelled(deliveries))


def _of_the_daemon(vitals: Vitals) -> Iterator[Family]:
    relays = list(vitals.desks)
    yield _family(
        catalogue.CONNECTIONS,
        (
            ((desk.relay.name, state), float(count))
            for desk in relays
            for state, count in desk.connections.items()
        ),
    )
    yield _family(catalogue.BREAKER_OPEN, (((desk.relay.name,), float(desk.is_open)) for desk in relays))
    yield _family(catalogue.PAUSED, _labelled(vitals.permit.pauses))
    state = vitals.journal.state
    yield _family(catalogue.JOURNAL, _labelled({each: float(each == state) for each in _JOURNAL_STATES}))
    yield _family(catalogue.UNWRITTEN, [((), float(vitals.recorder.backlog))])
    yield _family(catalogue.TURN_AGE, [((), vitals.turn_age)])
    yield _family(catalogue.READY, [((), float(vitals.why_not_ready() is None))])


def _counted(tally: Tally, relays: Iterable[str]) -> Iterator[Family]:
    # What has not happened yet is 0: else the first time would be no increase.
    none: dict[Any, float] = dict.fromkeys(relays, 0.0)
    none_by_class: dict[Any, float] = {(relay, each): 0.0 for relay in relays for each in _CODE_CLASSES}
    yield _family(catalogue.SENT, _labelled(none | tally.sent))
    yield _family(catalogue.FAILED, tuple((none_by_class | tally.failed).items()))
    yield _family(catalogue.DEFERRED, tuple((none_by_class | tally.deferred).items()))
    yield _family(catalogue.DOUBTS, _labelled(none | tally.doubts))
    yield _family(catalogue.RELAY_FAULTS, _labelled(none | tally.faults))
    yield _histogram(catalogue.SEND_SECONDS, tally.sending)
    yield _histogram(catalogue.QUEUE_SECONDS, tally.waiting)


def _labelled(values: Mapping[Any, float]) -> Samples:
    return [((label,), float(value)) for label, value in values.items()]


def _family(metric: Metric, samples: Samples) -> Family:
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = kind(metric.name, metric.what, labels=metric.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _histogram(metric: Metric, histograms: Mapping[str, Histogram]) -> Family:
    family = HistogramMetricFamily(metric.name, metric.what, labels=metric.labels)
    # One step, in which nobody else adds a relay that the daemon has just met.
    for relay, histogram in tuple(histograms.items()):
        sums = list(accumulate(tuple(histogram.counts)))
        bounds = [*map(str, histogram.bounds), "+Inf"]
        family.add_metric([relay], list(zip(bounds, map(float, sums), strict=True)), histogram.total)
    return family
