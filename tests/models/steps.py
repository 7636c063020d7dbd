"""Who may do what: the workers, the relay, time, and what breaks."""

from collections.abc import Iterator
from typing import NamedTuple

from outbox.mail.status import Status
from tests.models.protocol import (
    Copy,
    Cover,
    Hand,
    Note,
    Own,
    Place,
    Rules,
    Said,
    State,
    Worker,
    replaced,
    state_of,
)
from tests.models.writes import announce, claim, record, release_unknown, take_from_the_dead


class Step(NamedTuple):
    """One thing that happens; `well` says that nothing breaks by it."""

    name: str
    after: State
    well: bool = True


def steps(state: State, rules: Rules) -> Iterator[Step]:
    """Yield all that may happen next."""
    for me, worker in enumerate(state.workers):
        if me and worker == state.workers[me - 1]:
            continue  # its twin does the same
        if worker.alive:
            yield from _alive(state, me, worker, rules)
        else:
            yield Step("restarted", put(state, me, Worker(holds=_former(worker.holds))))
        yield from _when_silent(state, me, worker, rules)


def _alive(state: State, me: int, worker: Worker, rules: Rules) -> Iterator[Step]:
    if not worker.hand:
        yield from _claims(state, me, worker, rules)
    elif worker.hand.place is not Place.DOTTED:
        yield from _begins(state, me, worker, worker.hand, rules)
    else:
        yield from _ends(state, me, worker, worker.hand)
    if worker.note:
        yield Step("recorded", record(state, me, worker.note, rules, heard=True))
        yield Step("recorded unheard", record(state, me, worker.note, rules, heard=False), well=False)
    yield Step("killed", _killed(state, me, worker), well=False)
    yield from _lease(state, me, worker)


def put(state: State, me: int, worker: Worker, stored: Copy | None = None) -> State:
    """Return the state with another worker in the place of `me`, and perhaps one more copy at the relay."""
    copies = (*state.copies, stored) if stored else state.copies
    return state_of(state.row, copies, replaced(state.workers, me, worker))


def _claims(state: State, me: int, worker: Worker, rules: Rules) -> Iterator[Step]:
    if state.row.status is Status.PENDING and state.row.fence < rules.claims:
        yield Step("claimed", claim(state, me, rules, heard=True))
        yield Step("claimed unheard", claim(state, me, rules, heard=False), well=False)
    if rules.sweep and worker.holds is Own.PRESENT and not worker.note:
        yield Step("given back unknown", release_unknown(state))


def _lease(state: State, me: int, worker: Worker) -> Iterator[Step]:
    if worker.trusts:
        yield Step("lease over", put(state, me, worker._replace(trusts=False)), well=False)
    elif worker.known:
        yield Step("beat", put(state, me, worker._replace(trusts=True)))
    else:
        yield from _renewed(state, me, worker)


def _renewed(state: State, me: int, worker: Worker) -> Iterator[Step]:
    """A worker that was declared lost begins another session, and drops what it has not begun to send."""
    hand, note = worker.hand, worker.note
    if Own.FORMER in (worker.holds, hand and hand.own, note and note.own):
        return  # one former session is enough to explore: the next may begin when all of it is over
    kept = note and note._replace(own=Own.FORMER)
    if hand is None or hand.place <= Place.BODY:
        yield Step("new session", put(state, me, Worker(holds=_former(worker.holds), note=kept)))
    if hand is not None and hand.place >= Place.BODY:
        begun = hand._replace(own=Own.FORMER)
        yield Step("new session", put(state, me, Worker(holds=_former(worker.holds), hand=begun, note=kept)))


def _former(holds: Own) -> Own:
    return Own.FORMER if holds else Own.NOT


def _begins(state: State, me: int, worker: Worker, hand: Hand, rules: Rules) -> Iterator[Step]:
    """What may happen before the dot, which is when it can still be left out."""
    if hand.place is Place.CLAIMED:
        yield Step("announced", announce(state, me, hand, rules, heard=True))
        yield Step("announced unheard", announce(state, me, hand, rules, heard=False), well=False)
        return
    may_dot = (worker.trusts and hand.own is Own.PRESENT) or not rules.check
    if not worker.note and hand.place is Place.BODY:
        yield Step("refused before the dot", _ended(state, me, worker, hand, Said.LATER), well=False)
        yield Step("given back before the dot", _ended(state, me, worker, hand, Said.FAULT), well=not may_dot)
    if hand.place is Place.CHECKED or (may_dot and not rules.pauses):
        yield Step("dotted", _dotted(state, me, worker, hand))
    elif may_dot:
        yield Step("checked", put(state, me, worker._replace(hand=hand._replace(place=Place.CHECKED))))


def _dotted(state: State, me: int, worker: Worker, hand: Hand) -> State:
    cover = hand.cover
    if cover is not Cover.HELD:
        excused = hand.place is Place.CHECKED and cover is Cover.DOUBTED
        cover = Cover.PAUSED if excused else Cover.STRAY
    return put(state, me, worker._replace(hand=hand._replace(place=Place.DOTTED, cover=cover)))


def _ends(state: State, me: int, worker: Worker, hand: Hand) -> Iterator[Step]:
    """What may come of a dot. Whoever gets no answer does not learn whether the relay has the mail."""
    stored = Copy(hand.fence, hand.cover)
    yield Step("killed, and stored", _killed(state, me, worker, stored), well=False)
    if worker.note:
        return
    yield Step("taken", _ended(state, me, worker, hand, Said.YES, stored))
    yield Step("refused after the dot", _ended(state, me, worker, hand, Said.LATER), well=False)
    lost = Said.NOTHING
    yield Step("answer lost, and stored", _ended(state, me, worker, hand, lost, stored), well=False)
    yield Step("answer lost, and not stored", _ended(state, me, worker, hand, lost), well=False)


def _ended(
    state: State, me: int, worker: Worker, hand: Hand, said: Said, stored: Copy | None = None
) -> State:
    doubts = hand.doubts if said is Said.NOTHING else 0
    note = Note(hand.fence, hand.own, said, doubts, written=False)
    return put(state, me, worker._replace(hand=None, note=note), stored)


def _killed(state: State, me: int, worker: Worker, stored: Copy | None = None) -> State:
    """End a worker; its verdict goes with it."""
    dead = worker._replace(alive=False, trusts=False, hand=None, note=None)
    return put(state, me, dead, stored)


def _when_silent(state: State, me: int, worker: Worker, rules: Rules) -> Iterator[Step]:
    """What others do about a silent worker: they wait for longer than it trusts itself."""
    if worker.known and not worker.trusts and any(other.trusts for other in state.workers):
        yield Step("declared lost", put(state, me, worker._replace(known=False)))
    if worker.holds is Own.FORMER or (worker.holds and not worker.known):
        yield Step("rescued", take_from_the_dead(state, rules))
