"""A hot operation is a few statements, compiled once for all batches."""

from collections.abc import Iterator

import pytest

from tests.plans.history import History
from tests.plans.operations import ASKED, OPERATIONS, Operation
from tests.plans.stage import staged
from tests.plans.watching import watched

MOST = 6
MOST_OF = {"tell_why": 9, "delete": 8}
"""Statements of what is asked by a person, or done once a minute."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mysql"])
def history(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    folder = tmp_path_factory.mktemp("compiled")
    with staged(request.param, folder, statistics="none", finished=0) as history:
        yield history


@pytest.mark.parametrize("operation", [*OPERATIONS, *ASKED], ids=lambda operation: operation.__name__)
def test_the_second_run_of_an_operation_compiles_nothing(history: History, operation: Operation) -> None:
    for _ in range(2):
        run = operation(history)
        with watched(history.scene) as seen:
            run()
    ours = [one for one in seen if not one.statement.startswith("BEGIN")]
    assert ours
    assert [one.statement for one in ours if not one.compiled_before] == []
    assert len({one.statement for one in ours}) <= MOST_OF.get(operation.__name__, MOST)
