"""Ask a daemon for its metrics and its health, as a monitoring system does."""

import urllib.request
from urllib.error import HTTPError

from prometheus_client.parser import text_string_to_metric_families


class Monitor:
    """Whoever asks at a port of 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self._port = port

    def page(self, path: str) -> tuple[int, str]:
        """Return the status and the text of a page."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=20) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def samples(self) -> dict[str, dict[tuple[str, ...], float]]:
        """Return each sample by its name and the values of its labels, in the order of their names."""
        found: dict[str, dict[tuple[str, ...], float]] = {}
        for family in text_string_to_metric_families(self.page("/metrics")[1]):
            for sample in family.samples:
                labels = tuple(sample.labels[name] for name in sorted(sample.labels))
                found.setdefault(sample.name, {})[labels] = sample.value
        return found

    def value(self, name: str, *labels: str) -> float | None:
        """Return one sample, by the values of its labels in the order of their names; None without one."""
        return self.samples().get(name, {}).get(labels)
