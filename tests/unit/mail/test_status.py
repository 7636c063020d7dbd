"""The table of moves is whole: every move has its edge, every owned one a rule for coming late."""

from uuid import UUID

import pytest

from outbox.mail.status import (
    FINAL,
    LATE,
    MOVES,
    Lane,
    Late,
    Move,
    Reason,
    Settlement,
    Status,
    Wish,
    destination,
)

LEFT_TO_LATER = {Status.CANCELLED}
"""What only a person can bring about, by a wish (see `GRANTED`)."""


def test_every_move_has_one_edge() -> None:
    assert set(Move) == set(MOVES)


def test_a_late_rule_is_given_for_every_move_that_needs_a_claim_and_no_other() -> None:
    assert {move for move, edge in MOVES.items() if edge.owned} == set(LATE)


def test_every_state_can_be_reached_but_those_left_to_people() -> None:
    reached = {Status.PENDING}
    while more := {edge.target for edge in MOVES.values() if edge.source in reached} - reached:
        reached |= more
    assert set(Status) - LEFT_TO_LATER == reached


def test_nothing_leaves_a_final_state() -> None:
    assert not {edge.source for edge in MOVES.values()} & FINAL


def test_only_a_claim_begins_to_send_and_only_what_is_sent_by_somebody_is_owned() -> None:
    assert [move for move, edge in MOVES.items() if edge.target is Status.SENDING] == [Move.CLAIM]
    assert all(edge.source is Status.SENDING for edge in MOVES.values() if edge.owned)


def test_a_success_wins_late_a_doubt_tells_late_and_all_else_is_dropped() -> None:
    assert [move for move, late in LATE.items() if late is Late.WINS] == [Move.DELIVER]
    doubts = {move for move in Move if move.value.startswith("doubt_")}
    assert {move for move, late in LATE.items() if late is Late.DOUBTS} == doubts


WAITING_AGAIN = [Move.DEFER, Move.RELEASE, Move.RESCUE_UNBEGUN, Move.PARK]
PERHAPS_SENT = [Move.DOUBT_RESEND, Move.RESCUE_RESEND, Move.RESCUE_POISON]


@pytest.mark.parametrize("doubtful", [True, False])
@pytest.mark.parametrize("move", Move)
def test_nobody_s_wish_changes_where_a_move_leads(move: Move, *, doubtful: bool) -> None:
    assert destination(move, None, doubtful=doubtful) is MOVES[move].target


@pytest.mark.parametrize("move", [move for move in Move if move not in (*WAITING_AGAIN, *PERHAPS_SENT)])
@pytest.mark.parametrize("wish", Wish)
@pytest.mark.parametrize("doubtful", [True, False])
def test_a_wish_changes_nothing_where_the_mail_would_not_wait_again(
    move: Move, wish: Wish, *, doubtful: bool
) -> None:
    assert destination(move, wish, doubtful=doubtful) is MOVES[move].target


@pytest.mark.parametrize("doubtful", [True, False])
@pytest.mark.parametrize("move", [*WAITING_AGAIN, *PERHAPS_SENT])
def test_what_would_wait_again_is_held_if_somebody_wished_so(move: Move, *, doubtful: bool) -> None:
    assert destination(move, Wish.HOLD, doubtful=doubtful) is Status.HELD


@pytest.mark.parametrize("move", WAITING_AGAIN)
def test_what_was_not_sent_is_cancelled_if_somebody_wished_so(move: Move) -> None:
    assert destination(move, Wish.CANCEL, doubtful=False) is Status.CANCELLED


@pytest.mark.parametrize(
    ("move", "doubtful"),
    [*((move, False) for move in PERHAPS_SENT), *((move, True) for move in [*WAITING_AGAIN, *PERHAPS_SENT])],
)
def test_what_was_perhaps_sent_now_or_before_is_in_doubt_and_not_cancelled(
    move: Move, *, doubtful: bool
) -> None:
    assert destination(move, Wish.CANCEL, doubtful=doubtful) is Status.IN_DOUBT


def test_lanes_are_the_numbers_that_the_database_holds() -> None:
    assert [(lane.name, lane.value) for lane in Lane] == [("FRESH", 0), ("RETRY", 1), ("ALONE", 2)]


def test_a_settlement_is_noted_unless_it_says_otherwise() -> None:
    end = Settlement(1, UUID(int=1), 1, Move.DEFER, "mx")
    assert (end.noted, end.judged, end.doubt) == (True, False, False)


def test_a_settlement_knows_its_target() -> None:
    for move, edge in MOVES.items():
        assert edge.target is Settlement(1, UUID(int=1), 1, move, "mx").target


def test_every_name_fits_its_column() -> None:
    assert max(map(len, Status)) <= 16
    assert max(map(len, Move)) <= 32
    assert max(map(len, Reason)) <= 32


@pytest.mark.parametrize("part", [Settlement(1, UUID(int=1), 1, Move.DEFER, "mx"), MOVES[Move.DEFER]])
def test_what_was_decided_does_not_change_on_its_way(part: object) -> None:
    for name in part.__dataclass_fields__:  # type: ignore[attr-defined] # both are dataclasses
        with pytest.raises(AttributeError):
            setattr(part, name, None)
    assert not hasattr(part, "__dict__")
