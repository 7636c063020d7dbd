"""Measure the sending loop of this process, without its start."""

import json
import os
import sys
import time
from collections.abc import Callable

from bench.process import peak_memory


def measured(send_all: Callable[[int, int], None]) -> None:
    """Call `send_all` with the port and the number of mails from the command line; print the cost as JSON."""
    port, mails = map(int, sys.argv[1:])
    began, began_cpu = time.perf_counter(), time.process_time()
    send_all(port, mails)
    seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    print(json.dumps({"mails": mails, "seconds": seconds, "cpu": cpu, "peak": peak_memory(os.getpid())}))
