"""Where a dead daemon's deliveries go: what had not begun counts nothing, what killed three times is held."""

import pytest

from outbox.mail.rescue import CRASH_PAUSE, MOST_CRASHES, announces, rescue
from outbox.mail.status import MOVES, Lane, Move, OnDoubt, Status

UNSUSPECTED = [Lane.FRESH, Lane.RETRY]


@pytest.mark.parametrize("rescues", [0, 1, 99])
@pytest.mark.parametrize("lane", UNSUSPECTED)
def test_of_an_ordinary_delivery_nobody_knows_how_far_it_was(lane: Lane, rescues: int) -> None:
    assert rescue(OnDoubt.RESEND, lane, rescues, announced=False) is Move.RESCUE_RESEND


@pytest.mark.parametrize(
    ("on_doubt", "lane"),
    [
        *((OnDoubt.RESEND, Lane.ALONE),),
        *((on_doubt, lane) for on_doubt in (OnDoubt.HOLD, OnDoubt.ASSUME_SENT) for lane in Lane),
    ],
)
@pytest.mark.parametrize("rescues", [0, 1, MOST_CRASHES, 99])
def test_what_is_announced_before_it_begins_and_was_not_had_not_begun(
    on_doubt: OnDoubt, lane: Lane, rescues: int
) -> None:
    assert announces(on_doubt, lane)
    assert rescue(on_doubt, lane, rescues, announced=False) is Move.RESCUE_UNBEGUN


@pytest.mark.parametrize("lane", UNSUSPECTED)
def test_an_ordinary_delivery_pays_for_no_announcement(lane: Lane) -> None:
    assert not announces(OnDoubt.RESEND, lane)


@pytest.mark.parametrize(
    ("rescues", "move"),
    [
        (1, Move.RESCUE_RESEND),
        (MOST_CRASHES - 1, Move.RESCUE_RESEND),
        (MOST_CRASHES, Move.RESCUE_POISON),
        (MOST_CRASHES + 1, Move.RESCUE_POISON),
    ],
)
def test_the_third_crash_of_its_own_holds_a_delivery(rescues: int, move: Move) -> None:
    assert move is rescue(OnDoubt.RESEND, Lane.ALONE, rescues, announced=True)


@pytest.mark.parametrize("on_doubt", [OnDoubt.HOLD, OnDoubt.ASSUME_SENT])
@pytest.mark.parametrize("lane", Lane)
@pytest.mark.parametrize("rescues", [0, 1, 99])
def test_what_must_not_go_twice_waits_for_a_person_at_once(
    on_doubt: OnDoubt, lane: Lane, rescues: int
) -> None:
    assert rescue(on_doubt, lane, rescues, announced=True) is Move.RESCUE_HOLD


def test_a_mail_has_three_crashes_of_its_own_a_minute_apart_and_no_more() -> None:
    assert (MOST_CRASHES, CRASH_PAUSE) == (3, 60)


def test_every_rescue_starts_from_sending_and_only_poison_is_held() -> None:
    moves = {move: edge for move, edge in MOVES.items() if move.value.startswith("rescue_")}
    assert {edge.source for edge in moves.values()} == {Status.SENDING}
    assert not any(edge.owned for edge in moves.values())
    assert [move for move, edge in moves.items() if edge.target is Status.HELD] == [Move.RESCUE_POISON]
