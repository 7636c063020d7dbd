"""The other ways of sending, to a server that is there."""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from bench.corpus import SENDER, recipient
from bench.postfix import HOST, program
from bench.process import peak_memory
from bench.run import Run

SIZE = 2048
_LIMIT = 300.0
_ROOT = Path(__file__).resolve().parent.parent


def smtp_source(port: int, mails: int, *, sessions: int, kept: bool) -> Run:
    """Run Postfix's `smtp-source` with some sessions: a connection for each mail, or `kept` ones."""
    options = ["-d"] if kept else []
    command = [program("smtp-source"), "-s", str(sessions), "-m", str(mails), "-l", str(SIZE), *options]
    before = _children_cpu()
    began = time.perf_counter()
    process = subprocess.Popen([*command, "-f", SENDER, "-t", recipient(0), f"{HOST}:{port}"])
    peak = 0
    try:
        while process.poll() is None:
            peak = max(peak, peak_memory(process.pid))
            if time.perf_counter() - began > _LIMIT:
                raise TimeoutError(f"smtp-source did not end within {_LIMIT:g} s")
            time.sleep(0.005)
    finally:
        process.kill()
        process.wait()
    seconds = time.perf_counter() - began
    if process.returncode != 0:
        raise RuntimeError(f"smtp-source ended with {process.returncode}")
    return Run(mails, seconds, _children_cpu() - before, peak)


def python_client(port: int, mails: int, module: str, *options: str) -> Run:
    """Run one of `bench.clients`."""
    ended = subprocess.run(
        [sys.executable, "-m", f"bench.clients.{module}", str(port), str(mails), *options],
        cwd=_ROOT,
        env={"PATH": os.environ.get("PATH", "")},
        stdout=subprocess.PIPE,
        check=True,
        timeout=_LIMIT,
    )
    return Run(**json.loads(ended.stdout))


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
