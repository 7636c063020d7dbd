"""A copy of the project, in which code may be broken, and its tests: run as a program, the tests alone."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_COPIED = (
    "outbox",
    "alembic",
    "templates",
    "tests",
    "docs",
    "README.md",
    "CONTRIBUTING.md",
    "pyproject.toml",
)

_CONTRACT = (
    # The quick ones that see the most first: most mutants fall within a few seconds.
    *("record", "claim", "release", "expire", "lanes", "late", "wishes", "requests", "alone"),
    *("uncertain", "rescue"),
    *("sessions", "gates", "half", "evidence", "guards", "snapshots", "races", "crowds"),
    *("again", "group_commit", "pauses", "remains", "other_mail", "history"),
    *("aftermath", "replay", "replay_doubts", "replay_far"),
)
# What the queue does without has its own tests instead.
_APART = {
    "history": ("history", "replay", "replay_far", "replay_moved", "replay_doubts", "aftermath"),
    "turns": ("housekeeping",),
    "retention": ("retention", "retention_ends", "statistics", "housekeeping", "guards"),
    "statistics": ("statistics", "retention"),
    "erasure": ("erasure",),
    "buckets": ("buckets", "why_ways", "gates"),
    "breakers": ("breakers", "why_ways", "gates"),
    "permission": ("history", "pauses", "gates"),
    "suppressions": ("selection", "requests", "intake", "erasure", "why"),
    "selection": ("selection", "requests"),
    "conditions": ("selection", "pages", "matching"),
    "matching": ("matching",),
    "pages": ("pages",),
    "search": ("search", "status"),
    "standing": ("status",),
    "waiting": ("why", "why_ended", "why_ways"),
    "overview": ("overview", "depth"),
    "renewal": ("renewal", "let_go"),
    "insert": ("intake", "intake_many", "keys"),
}
# Tests without a database, which come first.
_UNIT = {
    "outbox/mail/status.py": [
        "tests/unit/mail/test_status.py",
        "tests/unit/worker/test_settle.py",
        "tests/docs/test_design.py::test_the_table_of_moves_is_the_one_in_the_code",
        "tests/models/test_explorer.py",
    ],
    "outbox/mail/rescue.py": ["tests/unit/mail/test_rescue.py"],
    "outbox/delivery/judge.py": ["tests/unit/delivery/test_judge.py"],
    "outbox/delivery/retry.py": ["tests/unit/delivery/test_retry.py", "tests/unit/worker/test_settle.py"],
    "outbox/store/lanes.py": ["tests/unit/store/test_lanes.py"],
}
_DATABASES = {
    "outbox/store/dialects/postgresql_daemon.py": ["postgresql"],
    "outbox/store/dialects/mysql_daemon.py": ["mysql"],
}


@contextmanager
def copied() -> Iterator[Path]:
    """Give a copy of what the tests need, for the time of the block."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for name in _COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, tree)
        yield tree


def runs_of(module: str) -> Iterator[tuple[str, ...]]:
    """Yield the runs of tests that may see what is broken in a module, as pytest takes them.

    What is not only for one database is tried on the others where it survives on SQLite.
    """
    if module in _UNIT:
        yield tuple(_UNIT[module])
    if not module.startswith("outbox/store/"):
        return
    apart = _APART.get(Path(module).stem)
    tests = [f"tests/contract/test_{name}.py" for name in apart or _CONTRACT]
    if apart is None:
        tests.append("tests/models/test_queue.py")
    for database in _DATABASES.get(module, ["sqlite", "postgresql", "mysql"]):
        yield *tests, "-k", database


def killer(tree: Path, module: str) -> str | None:
    """Run the tests of a module of the copy; return the first that fails, None if all pass."""
    return next(filter(None, (first_failure(tree, run) for run in runs_of(module))), None)


def first_failure(tree: Path, tests: Sequence[str]) -> str | None:
    """Run these tests on the copy; return the first that fails."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--tb=no"]
    run = subprocess.run(
        [*command, "--timeout=60", *tests],
        cwd=tree,
        env={
            **os.environ,
            "PYTHONPATH": str(tree),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OUTBOX_TEST_MUTANT": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if not run.returncode:
        return None
    failed = [line for line in run.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return failed[0].split(" - ")[0] if failed else run.stdout[-500:] + run.stderr[-500:]


if __name__ == "__main__":
    sys.exit(killer(Path.cwd(), sys.argv[1]))
