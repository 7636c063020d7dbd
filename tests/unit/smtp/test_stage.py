"""Every stage has its time."""

from math import inf

import pytest

from outbox.smtp.stage import Stage, Timeouts

EXPECTED = {
    Stage.CONNECT: 30,
    Stage.TLS: 30,
    Stage.DATA: 120,
    Stage.BODY: 180,
    Stage.END_OF_DATA: 600,
    Stage.RSET: 20,
    Stage.QUIT: 2,
    Stage.IDLE: inf,
}


@pytest.mark.parametrize("stage", Stage)
def test_every_stage_has_its_time(stage: Stage) -> None:
    assert EXPECTED.get(stage, 300) == Timeouts().of(stage)


def test_fault_45_the_dot_is_given_the_ten_minutes_of_the_rfc() -> None:
    assert Timeouts().dot >= 600
