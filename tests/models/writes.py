"""What each transaction makes of the delivery's row.

What is decided is the project's own: the tables of `mail/status.py`, `mail/rescue.py` and `worker/settle.py`.
What then happens to the row is written here by hand, from docs/design.md.
"""

from datetime import UTC, datetime
from functools import cache
from uuid import UUID

from outbox.delivery.retry import RetryPolicy
from outbox.mail.rescue import announces, rescue
from outbox.mail.status import LATE, MOST_DOUBTS, MOVES, Lane, Late, Move, OnDoubt, Reason, Settlement, Status
from outbox.mail.verdict import Answer, Deferred, InDoubt, RelayFault, Sent, Verdict
from outbox.smtp.stage import Stage
from outbox.store.moves import Claim
from outbox.worker.settle import settle
from tests.models.protocol import (
    Cover,
    Hand,
    Note,
    Own,
    Place,
    Rules,
    Said,
    State,
    replaced,
    state_of,
)


@cache
def settlement(said: Said, doubts: int, on_doubt: OnDoubt) -> Settlement:
    """Return what a daemon makes of what it has learnt."""
    stage = Stage.END_OF_DATA.value
    verdicts: dict[Said, Verdict] = {
        Said.YES: Sent(Answer(250, None, ""), None),
        Said.LATER: Deferred(stage, "", Answer(451, None, "")),
        Said.FAULT: RelayFault(stage, "", None),
        Said.NOTHING: InDoubt(stage, "", None),
    }
    now = datetime.now(UTC)
    claim = Claim(1, UUID(int=1), 0, "", "default", 0, 1, 0, doubts, None, Lane.FRESH, now, None)
    return settle(claim, verdicts[said], "mx", on_doubt, RetryPolicy(), 0.5)


def claim(state: State, me: int, rules: Rules, *, heard: bool) -> State:
    """Hold the row under the next fence; unheard, the worker does not know of it."""
    row = state.row._replace(status=MOVES[Move.CLAIM].target, fence=state.row.fence + 1)
    worker = state.workers[me]._replace(holds=Own.PRESENT)
    if heard:
        place = Place.CLAIMED if announces(rules.on_doubt, row.lane) else Place.BODY
        hand = Hand(row.fence, Own.PRESENT, place, Cover.HELD, row.doubts)
        worker = worker._replace(hand=hand)
    return state_of(row, state.copies, replaced(state.workers, me, worker))


def is_held(state: State, me: int, fence: int, own: Own, rules: Rules) -> bool:
    """Tell whether the row is still what a worker has claimed: the precondition of every owned move."""
    mine = state.row.status is Status.SENDING and state.workers[me].holds is own
    return mine and (state.row.fence == fence or not rules.fence)


def announce(state: State, me: int, hand: Hand, rules: Rules, *, heard: bool) -> State:
    """Write down that a mail's sending begins, or learn that it is not held any more."""
    held = is_held(state, me, hand.fence, hand.own, rules)
    row = state.row._replace(announced=True) if held else state.row
    worker = state.workers[me]
    if heard:
        worker = worker._replace(hand=hand._replace(place=Place.BODY) if held else None)
    return state_of(row, state.copies, replaced(state.workers, me, worker))


def record(state: State, me: int, note: Note, rules: Rules, *, heard: bool) -> State:
    """Write a verdict: in time, late, or again."""
    end = settlement(note.said, note.doubts, rules.on_doubt)
    worker = state.workers[me]._replace(note=None if heard else note._replace(written=True))
    after = State(state.row, state.copies, tuple(replaced(state.workers, me, worker)))
    if is_held(state, me, note.fence, note.own, rules):
        return _apply(after, end)
    return state_of(*after[:2], list(after.workers)) if note.written else _apply_late(after, end)


def _apply(state: State, end: Settlement) -> State:
    row, delayed = state.row, end.delay is not None
    row = row._replace(
        rescues=0 if end.judged else row.rescues,
        doubts=row.doubts + end.doubt,
        # FRESH and RETRY differ in their turn only.
        lane=Lane.FRESH if delayed and end.judged else row.lane,
        assumed=end.reason is Reason.ASSUMED,
    )
    cover = Cover.DOUBTED if end.doubt else Cover.DENIED
    return leave(state._replace(row=row), end.target, cover)


def _apply_late(state: State, end: Settlement) -> State:
    row, late = state.row, LATE[end.move]
    if late is Late.WINS and row.status is not Status.SENT:
        held = row.status is Status.SENDING
        return leave(state._replace(row=row._replace(doubts=row.doubts + held)), end.target, Cover.DENIED)
    if late is Late.DOUBTS and row.status is Status.PENDING:
        doubts = row.doubts + 1
        status = Status.IN_DOUBT if doubts >= MOST_DOUBTS else row.status
        state = state._replace(row=row._replace(doubts=doubts, status=status))
    return state_of(state.row, state.copies, list(state.workers))


def release_unknown(state: State) -> State:
    """Give back what its holder does not know."""
    return leave(state, MOVES[Move.RELEASE].target, Cover.DENIED)


def take_from_the_dead(state: State, rules: Rules) -> State:
    """Rescue the row."""
    row = state.row
    move = rescue(rules.on_doubt, row.lane, row.rescues, announced=row.announced)
    counts = move is not Move.RESCUE_UNBEGUN
    if counts:
        row = row._replace(rescues=row.rescues + 1, lane=Lane.ALONE)
    return leave(state._replace(row=row), MOVES[move].target, Cover.DOUBTED if counts else Cover.DENIED)


def leave(state: State, status: Status, cover: Cover) -> State:
    """End the hold on the row, and note what that says of a dot that went out under it."""
    fence = state.row.fence
    workers = [
        worker._replace(
            holds=Own.NOT,
            hand=worker.hand._replace(cover=cover)
            if worker.hand and worker.hand.fence == fence and worker.hand.cover is Cover.HELD
            else worker.hand,
        )
        for worker in state.workers
    ]
    copies = tuple(
        copy._replace(cover=cover) if copy.cover is Cover.HELD and copy.fence == fence else copy
        for copy in state.copies
    )
    return state_of(state.row._replace(status=status, announced=False), copies, workers)
