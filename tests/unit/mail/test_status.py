"""The table of moves is whole: every move has its edge, every owned one a rule for coming late."""

from outbox.mail.status import FINAL, LATE, MOVES, Late, Move, Reason, Settlement, Status

LEFT_TO_LATER = {Status.HELD, Status.CANCELLED}
"""States that only people put a delivery into; they cannot yet."""


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


def test_a_settlement_knows_its_target() -> None:
    for move, edge in MOVES.items():
        assert edge.target is Settlement(1, 1, move, "mx").target


def test_every_name_fits_its_column() -> None:
    assert max(map(len, Status)) <= 16
    assert max(map(len, Move)) <= 32
    assert max(map(len, Reason)) <= 32
