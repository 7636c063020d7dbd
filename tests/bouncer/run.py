"""Run every test that uses the shared PostgreSQL by way of PgBouncer: `python -m tests.bouncer.run`.

`make bouncer` does that. Arguments go to pytest.
"""

import os
import subprocess
import sys

from tests.support.databases import POSTGRESQL
from tests.support.pgbouncer import PgBouncer


def main() -> int:
    """Start a PgBouncer, run the tests behind it, and return pytest's exit code."""
    with PgBouncer() as bouncer:
        tests = [sys.executable, "-m", "pytest", "-p", "tests.bouncer.behind", *sys.argv[1:]]
        environment = os.environ | {POSTGRESQL.variable: bouncer.url}
        return subprocess.run(tests, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
