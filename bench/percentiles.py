"""The middle of many measurements, and their worst hundredth."""

from statistics import quantiles


def percentiles(values: list[float]) -> tuple[float, float]:
    """Return p50 and p99."""
    hundredths = quantiles(values, n=100)
    return hundredths[49], hundredths[98]
