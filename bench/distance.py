"""Put a distance before a server on 127.0.0.1, and measure it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from smtplib import SMTP
from statistics import median

from bench.postfix import HOST

_ROOT = Path(__file__).resolve().parent.parent
_TRIPS = 15


@contextmanager
def distant(port: int, round_trip: float) -> Iterator[int]:
    """Run a proxy before `port` that adds `round_trip` seconds to a round trip; give its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.proxy", str(port), str(round_trip)],
        cwd=_ROOT,
        env={"PATH": os.environ.get("PATH", "")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    with process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


def measured_round_trip(port: int) -> float:
    """Return the seconds from a NOOP to its answer, the median of some."""
    with SMTP(HOST, port, local_hostname="localhost") as connection:
        times = []
        for _ in range(_TRIPS):
            began = time.perf_counter()
            connection.noop()
            times.append(time.perf_counter() - began)
    return median(times)
