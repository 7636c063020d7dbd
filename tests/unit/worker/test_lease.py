"""A session stops trusting itself before the others begin to take from it."""

import time
from unittest.mock import patch

import pytest

from outbox.worker.lease import BEAT, UNBROKEN, VALID, Lease, boot_clock


def test_a_lease_is_valid_until_its_time_and_not_at_it() -> None:
    lease = Lease(valid_until=10.0, unbroken_since=0.0)
    assert [lease.is_valid(now) for now in (9.99, 10.0, 11.0)] == [True, False, False]


def test_a_lost_lease_is_never_valid() -> None:
    lease = Lease(valid_until=10.0, unbroken_since=0.0)
    lease.lost = True
    assert not lease.is_valid(0.0)


def test_every_lease_is_a_new_session() -> None:
    assert Lease(0.0, 0.0).id != Lease(0.0, 0.0).id


def test_it_stops_to_trust_itself_before_others_take_over_and_judges_others_later_still() -> None:
    assert 3 * BEAT < VALID < 1 < UNBROKEN


def test_the_clock_only_goes_forward() -> None:
    assert boot_clock() <= boot_clock()


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="only Linux has CLOCK_BOOTTIME")
def test_fault_9_the_clock_of_the_lease_goes_on_while_the_machine_is_suspended() -> None:
    with patch("time.clock_gettime", return_value=4711.0) as asked:
        assert boot_clock() == 4711.0
    # CLOCK_MONOTONIC stands still meanwhile (clock_gettime(2)).
    asked.assert_called_once_with(time.CLOCK_BOOTTIME)
