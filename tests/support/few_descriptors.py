"""`outbox run` under `ulimit -n 64`."""

import resource

from outbox.cli import main

DESCRIPTORS = 64

if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    main(["run"])
