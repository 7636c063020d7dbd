"""Transactions with and without a mail, in turn, as each of the enqueueing scripts here measures them."""

import json
import time
from collections.abc import Callable

from bench.percentiles import percentiles

WARM = 50
TRANSACTIONS = 1_000


def measure(request: Callable[[int | None], object]) -> None:
    """Print p50 and p99, in milliseconds, of `request(None)` and of `request(n)`, which sends mail `n`."""
    plain, mail = [], []
    for n in range(WARM + TRANSACTIONS):
        plain.append(_milliseconds(lambda: request(None)))
        mail.append(_milliseconds(lambda n=n: request(n)))  # type: ignore[misc] # a default binds n
    print(json.dumps({"plain": percentiles(plain[WARM:]), "mail": percentiles(mail[WARM:])}))


def _milliseconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000
