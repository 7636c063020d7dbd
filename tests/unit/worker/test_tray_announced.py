"""What needs an announcement, as it was rescued or must not go twice, is given once that is written."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from outbox.mail.status import Lane, OnDoubt
from outbox.worker.parcel import Parcel
from outbox.worker.tray import Tray
from tests.unit.worker.held import PARCELS, claim, message, parcel, rescued, retries


def test_a_rescued_parcel_that_waits_for_its_announcement_makes_nobody_busy() -> None:
    tray = Tray(lambda: 9, lambda: None)
    suspect = parcel(rescued(9))
    tray.put([suspect])
    assert tray.busy
    tray.enter()
    tray.take()
    tray.leave()
    assert not tray.busy
    tray.announced(suspect)
    assert tray.busy


def test_a_rescued_parcel_goes_before_the_others_once_it_is_announced() -> None:
    tray = Tray(lambda: 9, lambda: None)
    suspect = parcel(rescued(9))
    suspect.announced = True
    tray.put([*PARCELS[:2], suspect])
    assert [suspect, *PARCELS[:2]] == [tray.take() for _ in range(3)]


def test_until_a_rescued_parcel_is_announced_the_ones_behind_it_are_given() -> None:
    tray = Tray(lambda: 9, lambda: None)
    suspect = parcel(rescued(9))
    tray.put([suspect, *PARCELS[:3]])
    assert tray.wanted == []
    assert PARCELS[:2] == [tray.take(), tray.take()]
    assert tray.wanted == [suspect]
    tray.announced(suspect)
    assert tray.wanted == []
    assert [suspect, PARCELS[2], None] == [tray.take() for _ in range(3)]


def test_the_loop_is_called_once_for_the_announcement_of_a_rescued_parcel() -> None:
    calls: list[str] = []
    tray = Tray(lambda: 9, lambda: calls.append("look"))
    tray.put([parcel(rescued(9))])
    assert [tray.take() for _ in range(3)] == [None] * 3
    assert calls == ["look"]


def test_while_an_announcement_is_awaited_only_who_finds_something_else_may_enter() -> None:
    tray = Tray(lambda: 9, lambda: None)
    tray.put([parcel(rescued(9))])
    assert tray.enter(connected=True)
    assert tray.take() is None
    tray.leave()
    # Who has asked for it would only ask again, for as long as the database takes to answer.
    assert [tray.enter(), tray.enter(connected=True)] == [False, False]
    assert tray.enter(returning=True)
    tray.put(PARCELS[:1])
    assert tray.enter(connected=True)
    assert PARCELS[0] is tray.take()
    assert not tray.enter(connected=True)


@pytest.mark.parametrize(
    "take_out",
    [
        lambda tray, suspect: tray.remove(suspect),
        lambda tray, suspect: tray.empty(lambda one: one is suspect),
    ],
)
def test_what_was_wanted_and_is_taken_out_is_not_announced(
    take_out: Callable[[Tray, Parcel], object],
) -> None:
    tray = Tray(lambda: 9, lambda: None)
    suspect = parcel(rescued(9))
    tray.put([suspect, *PARCELS[:1]])
    tray.take()
    assert tray.wanted == [suspect]
    take_out(tray, suspect)
    assert tray.wanted == []


def careful(count: int, lane: Lane = Lane.FRESH) -> list[Parcel]:
    """Return parcels of mails that must not go twice."""
    parcels = [parcel(claim(200 + n, lane=lane)) for n in range(count)]
    for each in parcels:
        each.message = replace(message(), on_doubt=OnDoubt.HOLD)
    return parcels


def test_what_must_not_go_twice_is_given_once_it_is_announced_and_each_sender_asks_for_one() -> None:
    tray = Tray(lambda: 2, lambda: None)
    first, second, third = careful(3)
    tray.put([first, second, *PARCELS[:1], third])
    assert (tray.ready, tray.wanted) == (4, [])
    assert tray.enter()
    assert tray.enter()
    assert [PARCELS[0], None] == [tray.take(), tray.take()]
    # No more than senders are there: what is announced and has not begun a killed daemon leaves in doubt.
    assert (tray.take(), tray.wanted) == (None, [first, second])
    tray.announced(first)
    assert tray.take() is first
    assert (tray.wanted, tray.ready) == ([second, third], 2)
    for each in (second, third):
        tray.announced(each)
        assert tray.take() is each
    assert (tray.ready, tray.wanted) == (0, [])


def test_nobody_looks_in_vain_for_what_waits_for_its_announcement() -> None:
    tray = Tray(lambda: 2, lambda: None)
    tray.put(careful(3))
    assert tray.enter(connected=True)
    assert tray.take() is None
    tray.leave()
    assert (tray.enter(connected=True), tray.busy) == (False, False)
    tray.announced(tray.wanted[0])
    assert tray.enter(connected=True)
    assert tray.take()


def test_retries_that_must_not_go_twice_are_announced_for_half_of_the_senders_only() -> None:
    tray = Tray(lambda: 4, lambda: None)
    put_off = retries(2)
    tray.put([*put_off, *careful(3, Lane.RETRY)])
    for _ in range(4):
        assert tray.enter()
    assert [*put_off, None] == [tray.take() for _ in range(3)]
    asked = len(tray.wanted)
    assert [tray.take(), len(tray.wanted)] == [None, asked]
    assert not tray.enter(connected=True)
    assert tray.retries == 3
    for each in tray.wanted:
        tray.announced(each)
    assert tray.take() is None
    tray.done(put_off[0])
    assert tray.take()


def test_what_was_taken_out_while_its_announcement_was_written_does_not_come_back() -> None:
    tray = Tray(lambda: 2, lambda: None)
    (one,) = careful(1)
    tray.put([one])
    tray.take()
    assert [one] == tray.empty()
    tray.announced(one)
    assert (tray.take(), tray.ready) == (None, 0)
