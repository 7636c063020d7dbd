"""Judge whether a process takes more and more. Pure: samples in, words out."""

from collections.abc import Sequence
from statistics import median

from tests.soak.samples import MB, Sample

_SHARE = 0.05
_LEAST = 2 * MB
"""What memory may grow between two thirds of a run, at most: a twentieth, or so much where that is less."""

SPARE = 2
"""Descriptors that it may have more: it opens its four connections to a database as it needs them."""

SPARE_OF_SQLITE = 8
"""The same, where each connection has two or three files open."""


def growth(samples: Sequence[Sample]) -> float:
    """Return by how many bytes the last third's median lies above that of the middle third.

    The first third is left out, in which a process warms up; and a median does not see how high the queue of
    one outage once was.
    """
    third = len(samples) // 3
    assert third > 0, "too short to judge"
    middle, last = samples[third : 2 * third], samples[-third:]
    return median(each.memory for each in last) - median(each.memory for each in middle)


def allowed(samples: Sequence[Sample]) -> float:
    """Return by how many bytes it may."""
    return max(_LEAST, _SHARE * median(each.memory for each in samples))


def breaches(
    samples: Sequence[Sample], before: Sample, after: Sample, spare: int = SPARE, *, threads: int = 0
) -> list[str]:
    """Return what has grown: over the run, and between the idle daemon `before` it and `after` it.

    So many `threads` had yet to begin.
    """
    grown, most = growth(samples), allowed(samples)
    found = []
    if grown > most:
        found.append(f"memory grew by {grown / MB:.1f} MB in a third of the run, {most / MB:.1f} are allowed")
    if after.descriptors > before.descriptors + spare:
        found.append(
            f"idle, it has {after.descriptors} descriptors open; before the run {before.descriptors}"
        )
    if after.threads > before.threads + threads:
        found.append(f"idle, it has {after.threads} threads; before the run {before.threads}")
    return found
