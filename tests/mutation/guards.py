"""Leave out each condition of the store's statements in turn, and see that a test fails: `make mutants`.

Every argument of a `.where(…)` and of an `and_(…)` guards rows that are not meant. The tests run on SQLite
first; on the other databases, too, for what is theirs and for what survived. Prints what killed each, and
ends with an error when one survives that `explained.py` does not name.
"""

import ast
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.explained import GUARDS
from tests.mutation.tree import ROOT, copied, first_failure, killer, runs_of

FILES = (
    "outbox/store/moves.py",
    "outbox/store/queue.py",
    "outbox/store/bodies.py",
    "outbox/store/verdicts.py",
    "outbox/store/rescues.py",
    "outbox/store/remains.py",
    "outbox/store/history.py",
    "outbox/store/requests.py",
    "outbox/store/pauses.py",
    "outbox/store/sessions.py",
    "outbox/store/gates.py",
    "outbox/store/claims.py",
    "outbox/store/guards.py",
    "outbox/store/turns.py",
    "outbox/store/retention.py",
    "outbox/store/statistics.py",
    "outbox/store/erasure.py",
    "outbox/store/buckets.py",
    "outbox/store/breakers.py",
    "outbox/store/permission.py",
    "outbox/store/suppressions.py",
    "outbox/store/selection.py",
    "outbox/store/conditions.py",
    "outbox/store/matching.py",
    "outbox/store/pages.py",
    "outbox/store/search.py",
    "outbox/store/standing.py",
    "outbox/store/waiting.py",
    "outbox/store/overview.py",
    "outbox/store/renewal.py",
    "outbox/store/insert.py",
    "outbox/store/dialects/sqlite_daemon.py",
    "outbox/store/dialects/postgresql_daemon.py",
    "outbox/store/dialects/mysql_daemon.py",
)
NOTHING = b"__import__('sqlalchemy').true()"


@dataclass(frozen=True, slots=True)
class Guard:
    """One condition, and where it stands in its file, in bytes."""

    file: str
    line: int
    begins: int
    ends: int
    text: str

    @property
    def name(self) -> str:
        return f"{self.file}:{self.line} {self.text}"


def guards_of(file: str, source: bytes) -> list[Guard]:
    """Return the conditions in a file of the store, in order."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    guards = []
    for part in _conditions(ast.parse(source)):
        begins = starts[part.lineno - 1] + part.col_offset
        ends = starts[(part.end_lineno or 0) - 1] + (part.end_col_offset or 0)
        text = " ".join(source[begins:ends].decode().split())
        guards.append(Guard(file, part.lineno, begins, ends, text))
    return sorted(guards, key=lambda guard: (guard.begins, -guard.ends))


def _conditions(module: ast.Module) -> Iterator[ast.expr]:
    tuples = {
        target.id: node.value.elts
        for node in module.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    shared: dict[str, list[ast.expr]] = {}
    for call in ast.walk(module):
        if isinstance(call, ast.Call) and _takes_conditions(call.func):
            for part in call.args:
                named = part.value if isinstance(part, ast.Starred) else None
                if isinstance(named, ast.Name) and named.id in tuples:
                    shared[named.id] = tuples[named.id]
                else:
                    yield part
    for conditions in shared.values():
        yield from conditions


def _takes_conditions(function: ast.expr) -> bool:
    return (isinstance(function, ast.Attribute) and function.attr == "where") or (
        isinstance(function, ast.Name) and function.id == "and_"
    )


def without(source: bytes, guard: Guard) -> bytes:
    """Return the file with nothing in the place of a guard."""
    return source[: guard.begins] + NOTHING + source[guard.ends :]


def _fate(tree: Path, guard: Guard) -> str | None:
    """Return what killed a guard's absence, None if it survived."""
    path = tree / guard.file
    source = path.read_bytes()
    path.write_bytes(without(source, guard))
    try:
        return killer(tree, guard.file)
    finally:
        path.write_bytes(source)


def main() -> None:
    """Try all guards, or those of the files that were named."""
    chosen = [file for file in FILES if not sys.argv[1:] or file in sys.argv[1:]]
    guards = [guard for file in chosen for guard in guards_of(file, (ROOT / file).read_bytes())]
    broken = not guards
    killed = 0
    with copied() as tree:
        # What fails unbroken would pass for a killer.
        for run in dict.fromkeys(run for file in chosen for run in runs_of(file)):
            if failure := first_failure(tree, run):
                sys.exit(f"The tests fail as they are: {failure}")
        for guard in guards:
            began = time.monotonic()
            fate = _fate(tree, guard)
            took = time.monotonic() - began
            why = GUARDS.get((guard.file, guard.text))
            killed += fate is not None
            broken = broken or (fate is None and why is None)
            word = f"killed by {fate}" if fate else f"SURVIVED: {why or 'nobody knows why'}"
            print(f"{took:4.0f} s  {guard.name}\n        {word}", flush=True)  # noqa: T201 - what this is for
    print(f"{killed} of {len(guards)} guards killed")  # noqa: T201 - what this is for
    sys.exit(broken)


if __name__ == "__main__":
    main()
