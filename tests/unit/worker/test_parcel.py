"""Recipients of one message travel together, at most fifty at once."""

from uuid import UUID

from outbox.delivery.limits import MOST_RECIPIENTS
from outbox.worker.parcel import pack
from tests.unit.worker.held import claim, lease, parcel, rescued


def test_recipients_of_one_message_are_one_parcel_in_the_order_of_their_claims() -> None:
    mine = lease()
    first, second, third = (claim(n, message_id=UUID(int=n % 2)) for n in (1, 2, 3))
    parcels = pack([first, second, third], mine, 5.0, lambda _: MOST_RECIPIENTS)
    assert [[first, third], [second]] == [one.claims for one in parcels]
    assert [UUID(int=1), UUID(int=0)] == [one.message_id for one in parcels]
    assert all((one.lease, one.claimed_at, one.message) == (mine, 5.0, None) for one in parcels)


def test_more_recipients_than_one_transaction_takes_are_several_parcels() -> None:
    claims = [claim(n) for n in range(2 * MOST_RECIPIENTS + 1)]
    parcels = pack(claims, lease(), 0.0, lambda _: MOST_RECIPIENTS)
    assert [len(one.claims) for one in parcels] == [50, 50, 1]
    assert claims == [each for one in parcels for each in one.claims]


def test_fault_78_a_rescued_delivery_goes_apart_from_the_others_of_its_message() -> None:
    first, suspect, third = claim(1), rescued(2), claim(3)
    parcels = pack([first, suspect, third], lease(), 0.0, lambda _: MOST_RECIPIENTS)
    assert [([first, third], False), ([suspect], True)] == [(one.claims, one.alone) for one in parcels]


def test_no_claims_are_no_parcels() -> None:
    assert pack([], lease(), 0.0, lambda _: MOST_RECIPIENTS) == []


def test_a_parcel_is_as_large_as_its_message_and_not_once_more_for_each_recipient() -> None:
    assert pack([claim(1, size=700), claim(2, size=700)], lease(), 0.0, lambda _: 50)[0].size == 700


def test_what_has_expired_since_the_claim_is_taken_out() -> None:
    never, soon, later = claim(1), claim(2, expires_in=10.0), claim(3, expires_in=10.5)
    one = parcel(never, soon, later, now=100.0)
    assert one.split_expired(109.9) == []
    assert one.names().count(" ") == one.kind[1] - 1
    assert one.split_expired(110.0) == [soon]
    # What it is known by is that of those who are left.
    assert one.names().count(" ") == one.kind[1] - 1 == len(one.claims) - 1
    assert one.claims == [never, later]
    assert one.split_expired(200.0) == [later]
    assert one.claims == [never]
