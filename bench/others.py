"""The other ways of sending, each into an `smtp-sink` of its own."""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from bench.corpus import SENDER, recipient
from bench.postfix import HOST, program, sink
from bench.process import peak_memory
from bench.run import Run

SIZE = 2048
_SESSIONS = 4
_LIMIT = 300.0
_ROOT = Path(__file__).resolve().parent.parent


def smtp_source(mails: int, *, kept: bool) -> Run:
    """Run Postfix's `smtp-source` with four sessions: a connection for each mail, or `kept` ones."""
    options = ["-d"] if kept else []
    with sink() as port:
        command = [program("smtp-source"), "-s", str(_SESSIONS), "-m", str(mails), "-l", str(SIZE), *options]
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


def python_client(module: str, mails: int) -> Run:
    """Run one of `bench.clients`."""
    with sink() as port:
        ended = subprocess.run(
            [sys.executable, "-m", f"bench.clients.{module}", str(port), str(mails)],
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
