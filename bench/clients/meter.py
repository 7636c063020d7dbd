"""Measure the sending loop of this process, without its start."""

import json
import os
import sys
import time
from collections.abc import Callable

from bench.process import peak_memory


def measured(send_all: Callable[..., None]) -> None:
    """Call `send_all(port, mails, *options)` as the command line says; print the cost as JSON."""
    port, mails, *options = sys.argv[1:]
    began, began_cpu = time.perf_counter(), time.process_time()
    send_all(int(port), int(mails), *options)
    seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    print(json.dumps({"mails": int(mails), "seconds": seconds, "cpu": cpu, "peak": peak_memory(os.getpid())}))
