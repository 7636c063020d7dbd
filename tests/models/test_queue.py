"""The queue does what its model says, in any order of what daemons, applications and time do to it."""

import os
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contract.scene import Scene
from tests.models.machine import Machine

LONG = bool(os.environ.get("OUTBOX_TEST_LONG"))
EXAMPLES, STEPS = (1000, 80) if LONG else (30, 30)
# A mutant needs no small example of what it breaks; to find one takes minutes.
PHASES = [Phase.generate] if os.environ.get("OUTBOX_TEST_MUTANT") else [Phase.generate, Phase.shrink]


@pytest.mark.timeout(3600 if LONG else 300)
def test_fault_7_rows_fences_and_attempts_are_what_the_model_says(
    scene: Scene, report: Callable[[str], None]
) -> None:
    tally: Counter[str] = Counter()

    class Here(Machine):
        def __init__(self) -> None:
            super().__init__(scene, tally)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            # The same examples each time, so that a change that breaks one is the change to look at.
            derandomize=not LONG,
            database=None,
            deadline=None,
            phases=PHASES,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    figures = ", ".join(f"{name} {number:,}" for name, number in sorted(tally.items()))
    report(f"models on {scene.application.dialect.name}: {figures}")
