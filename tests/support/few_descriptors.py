"""`outbox run` under `ulimit -n 64`, or with the argument `soft` under `ulimit -Sn 64`."""

import resource
import sys

from outbox.cli import main

DESCRIPTORS = 64

if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, hard if "soft" in sys.argv else DESCRIPTORS))
    main(["run"])
