"""A daemon that is paused past its lease, and goes on when another has taken over its mails."""

import pytest

from tests.lab.pause import pause
from tests.lab.pauses import CASES, Case, Outcome

pytestmark = pytest.mark.trial


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> dict[Case, Outcome]:
    """Pause one daemon for all tests here, with a mail for each case."""
    return pause("PostgreSQL", tmp_path_factory.mktemp("pause"), lease_ttl=2)


def _of_fault(number: int) -> list[Case]:
    return [case for case in CASES if case.fault == number]


@pytest.mark.parametrize("case", _of_fault(4), ids=lambda case: case.name)
def test_fault_4_a_daemon_paused_before_the_dot_past_its_lease_does_not_write_it(
    case: Case, ends: dict[Case, Outcome]
) -> None:
    assert case.expected == ends[case]


@pytest.mark.parametrize("case", _of_fault(5), ids=lambda case: case.name)
def test_fault_5_a_late_success_of_a_paused_daemon_is_accepted(case: Case, ends: dict[Case, Outcome]) -> None:
    assert case.expected == ends[case]


@pytest.mark.parametrize("case", _of_fault(6), ids=lambda case: case.name)
def test_fault_6_a_late_failure_of_a_paused_daemon_is_dropped_and_a_late_doubt_is_noted(
    case: Case, ends: dict[Case, Outcome]
) -> None:
    assert case.expected == ends[case]
