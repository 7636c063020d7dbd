"""Mutate the policy and the queue with Cosmic Ray, and see that a test fails: `make mutants`.

Prints what survives, and a rate for each module; ends with an error where it is below LEAST, or where one
survives that `explained.py` does not name; what that names counts as a survivor untried. The sessions stay in
`build/mutation`, and are resumed.
"""

import difflib
import importlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from tests.mutation.explained import why
from tests.mutation.tree import ROOT, copied, killer

LEAST = 0.9
MODULES = (
    "outbox/mail/status.py",
    "outbox/mail/rescue.py",
    "outbox/delivery/judge.py",
    "outbox/delivery/retry.py",
    "outbox/store/queue.py",
    "outbox/store/verdicts.py",
    "outbox/store/rescues.py",
    "outbox/store/lanes.py",
    "outbox/store/moves.py",
)
# Left out: what changes nothing that can be seen (unions of types, `is` for `==` of an enum and the other way
# round), what no test could miss (an order of enums, bits of a sum), so that the rate says something.
_LEFT_OUT = (
    "core/ReplaceBinaryOperator_BitOr_.*",
    "core/ReplaceBinaryOperator_.*_(RShift|LShift|BitOr|BitAnd|BitXor|FloorDiv|Mod|Pow)$",
    "core/ReplaceComparisonOperator_(Eq|NotEq|Lt|LtE|Gt|GtE)_Is(Not)?$",
    "core/ReplaceComparisonOperator_(Is_Eq|IsNot_NotEq)$",
    "core/ReplaceComparisonOperator_Is(Not)?_(Lt|LtE|Gt|GtE)$",
)
_FOLDER = ROOT / "build" / "mutation"


class Mutant(NamedTuple):
    """A mutant that was tried: the line that it changed, as it was and as it is."""

    operator: str
    line: int
    before: str
    after: str
    killed: bool


def _ray(tree: Path, *arguments: str) -> str:
    # Beside this Python, whose environment may not be on the PATH.
    program = Path(sys.executable).with_name(arguments[0])
    return subprocess.run(
        [program, *arguments[1:]], cwd=tree, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def _try(tree: Path, module: str) -> list[Mutant]:
    """Try all mutants of a module, or those of an earlier run that were not tried then."""
    session = _FOLDER / (module.replace("/", ".") + ".sqlite")
    configuration = tree / "cosmic-ray.toml"
    configuration.write_text(
        f"""[cosmic-ray]
module-path = "{module}"
timeout = 240.0
excluded-modules = []
test-command = "{sys.executable} -m tests.mutation.tree {module}"
[cosmic-ray.distributor]
name = "local"
[cosmic-ray.filters.operators-filter]
exclude-operators = {json.dumps(_LEFT_OUT)}
""",
        encoding="utf-8",
    )
    if not session.exists():
        _ray(tree, "cosmic-ray", "init", str(configuration), str(session))
        _ray(tree, "cr-filter-operators", str(session), str(configuration))
    _set_aside_explained(tree, module, session)
    _ray(tree, "cosmic-ray", "exec", str(configuration), str(session))
    return list(_tried(_ray(tree, "cosmic-ray", "dump", str(session))))


def _set_aside_explained(tree: Path, module: str, session: Path) -> None:
    """Count mutants that are explained as survivors at once: to see no test fail takes the longest."""
    # By name, since the tests do without them.
    mutate: Any = importlib.import_module("cosmic_ray.mutating").mutate_code
    operator_of: Any = importlib.import_module("cosmic_ray.plugins").get_operator
    source = (tree / module).read_text("utf-8")
    with closing(sqlite3.connect(session)) as database, database:
        pending = database.execute(
            "SELECT job_id, operator_name, occurrence FROM mutation_specs "
            "WHERE job_id NOT IN (SELECT job_id FROM work_results)"
        ).fetchall()
        for job, operator, occurrence in pending:
            mutant = mutate(source, operator_of(operator)(), occurrence)
            diff = [*difflib.unified_diff(source.splitlines(), (mutant or source).splitlines(), lineterm="")]
            if why(module, _changed(diff, "+")) is not None:
                database.execute(
                    "INSERT INTO work_results (job_id, worker_outcome, test_outcome, diff) "
                    "VALUES (?, 'NORMAL', 'SURVIVED', ?)",
                    (job, "\n".join(diff)),
                )


def _changed(diff: list[str], sign: str) -> str:
    """Return the lines that a diff adds or takes away, as one."""
    lines = [line for line in diff if line.startswith(sign) and not line.startswith(sign * 3)]
    return " ".join(line[1:].strip() for line in lines)


def _tried(dump: str) -> Iterator[Mutant]:
    for item, result in map(json.loads, dump.splitlines()):
        if result and result["worker_outcome"] == "normal":
            (mutation,) = item["mutations"]
            diff = result["diff"].splitlines()
            yield Mutant(
                mutation["operator_name"].removeprefix("core/"),
                mutation["start_pos"][0],
                _changed(diff, "-"),
                _changed(diff, "+"),
                result["test_outcome"] == "killed",
            )


def _tell(module: str, mutants: list[Mutant]) -> bool:
    """Print what became of a module's mutants; tell whether all is well."""
    survivors = [mutant for mutant in mutants if not mutant.killed]
    unexplained = [mutant for mutant in survivors if why(module, mutant.after) is None]
    for mutant in survivors:
        reason = why(module, mutant.after) or "nobody knows why"
        print(f"    {module}:{mutant.line} {mutant.operator}: {mutant.before}")  # noqa: T201 - what this is for
        print(f"        {mutant.after}\n        survived: {reason}")  # noqa: T201 - what this is for
    killed = len(mutants) - len(survivors)
    print(f"{module}: {killed} of {len(mutants)} mutants killed ({killed / len(mutants):.0%})", flush=True)  # noqa: T201 - what this is for
    return killed / len(mutants) >= LEAST and not unexplained


def main() -> None:
    """Try all modules, or those that were named."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    chosen = [module for module in MODULES if not sys.argv[1:] or module in sys.argv[1:]]
    well = bool(chosen)
    for module in chosen:
        with copied() as tree:
            if failure := killer(tree, module):
                sys.exit(f"The tests of {module} fail as they are: {failure}")
            well = _tell(module, _try(tree, module)) and well
    sys.exit(not well)


if __name__ == "__main__":
    main()
