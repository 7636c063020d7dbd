"""A row tells what kinds of parcels follow each other, without a look at each where there is one kind."""

from outbox.mail.status import Lane
from outbox.worker.row import Row
from tests.unit.worker.held import claim, parcel


def row(*kinds: tuple[str, int, Lane]) -> Row:
    """Return a row of parcels by stream, recipients and lane."""
    made = Row()
    for stream, size, lane in kinds:
        one = parcel(*(claim(n, stream=stream) for n in range(size)))
        one.lane = lane
        made.put(one)
    return made


def test_what_follows_each_other_is_told_in_its_order() -> None:
    it = row(("a", 1, Lane.FRESH), ("a", 1, Lane.FRESH), ("b", 1, Lane.RETRY), ("a", 1, Lane.FRESH))
    assert list(it.runs(retries=True)) == [(("a", 1), 2), (("b", 1), 1), (("a", 1), 1)]
    assert list(it.runs(retries=False)) == [(("a", 1), 3)]


def test_of_one_kind_retries_are_told_or_left_out() -> None:
    it = row(("a", 2, Lane.RETRY), ("a", 2, Lane.FRESH), ("a", 2, Lane.FRESH))
    assert list(it.runs(retries=True)) == [(("a", 2), 3)]
    assert list(it.runs(retries=False)) == [(("a", 2), 2)]
    assert list(Row().runs(retries=True)) == []
