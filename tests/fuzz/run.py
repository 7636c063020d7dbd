"""Run one target with atheris: `python -m tests.fuzz.run reply -max_total_time=240`; see `make fuzz`.

All options are libFuzzer's. A crash, an input that takes over five seconds, or one that makes the process
grow by more than 64 MB ends the run with an error; build/fuzz/ keeps the input, beside what else was found.
The growth counts from the moment before the first input: interpreter, atheris and target need
60 MB themselves.
"""

import resource
import sys
from importlib import import_module
from pathlib import Path

import atheris

GROWTH = 64
"""MB that all inputs of a run, and what libFuzzer keeps of them, may take."""
MAX_INPUT = 16 * 1024
"""Bytes: twice the longest line of a reply."""


def main() -> None:
    """Fuzz the target of the first argument for ever, or as long as the other ones say."""
    name, *options = sys.argv[1:]
    # atheris can choose whole packages only, so what the top of ours imports must be loaded before.
    import_module("outbox")
    with atheris.instrument_imports(include=["outbox"]):
        target = import_module(f"tests.fuzz.{name}")
    found = Path("build/fuzz", name)
    found.mkdir(parents=True, exist_ok=True)
    seeds = Path(__file__).with_name("seeds") / name
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    settings = [
        f"-rss_limit_mb={size + GROWTH}",
        f"-max_len={MAX_INPUT}",
        "-timeout=5",
        # Regular expressions read much, and no coverage shows their inside: without these two, seeds that
        # reach the same lines are dropped, or cut down to their shortest.
        "-keep_seed=1",
        "-reduce_inputs=0",
        f"-dict={seeds.with_name('words.dict')}",
        f"-artifact_prefix={found}-",
        *options,
    ]
    sys.stderr.write(f"{name}: {size} MB before the first input, {size + GROWTH} MB allowed\n")
    # New inputs go into the first folder, the seeds are only read.
    atheris.Setup([sys.argv[0], *settings, str(found), str(seeds)], target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
