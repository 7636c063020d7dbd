"""Explore the protocol exhaustively, breadth first, and count what must not be.

Unjustified are two copies at the relay where the database said of the earlier one's claim, before the next
claim, anything but "perhaps sent". Lost is a state from which, though nothing breaks any more, no way leads
to where the mail is sent or a person sees it. False is a mail that is called sent and never was stored.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from outbox.mail.status import Status
from tests.models.protocol import EXCUSED, Cover, Rules, State, first
from tests.models.steps import Step, steps


@dataclass(frozen=True, slots=True)
class Account:
    """What an exploration found, in states, and in which `ends` and by which steps.

    `paused` are duplicates after a worker stood still between its last-moment check and the dot. `breach` is
    the shortest way to an unjustified copy.
    """

    rules: Rules
    workers: int
    states: int
    copies: int
    doubled: int
    paused: int
    assumed: int
    unjustified: int
    false: int
    lost: int
    ends: frozenset[Status]
    steps: frozenset[str]
    breach: tuple[str, ...]

    def __str__(self) -> str:
        rules = self.rules
        pauses = ", with pauses" if rules.pauses else ""
        return (
            f"{rules.on_doubt} from {rules.lane.name}, {rules.claims} claims by {self.workers}{pauses}: "
            f"{self.states:,} states, copies {self.copies} at most, more than one in {self.doubled:,} "
            f"({self.paused:,} after a pause), "
            f"unjustified {self.unjustified}, false {self.false}, lost {self.lost}"
        )


class _Map:
    """The states seen, in the order in which they were found, and how they are reached."""

    def __init__(self, start: State) -> None:
        self.states = [start]
        self._number = {start: 0}
        self._found_by: list[tuple[int, str]] = [(0, "")]
        # For each state the ones from which it is reached though nothing breaks.
        self._well_before: list[list[int]] = [[]]

    def add(self, here: int, step: Step) -> None:
        there = self._number.get(step.after)
        if there is None:
            there = self._number[step.after] = len(self.states)
            self.states.append(step.after)
            self._found_by.append((here, step.name))
            self._well_before.append([])
        if step.well:
            self._well_before[there].append(here)

    def way_to(self, there: int) -> tuple[str, ...]:
        """Return the steps of a shortest way."""
        names: list[str] = []
        while there:
            there, name = self._found_by[there]
            names.insert(0, name)
        return tuple(names)

    def can_reach(self, ends: Iterable[int]) -> set[int]:
        """Return the states from which one of `ends` is reached though nothing breaks."""
        found = set(ends)
        waiting = list(found)
        while waiting:
            new = {*self._well_before[waiting.pop()]} - found
            found |= new
            waiting.extend(new)
        return found


def explore(rules: Rules, workers: int, *, until_breach: bool = False) -> Account:
    """Visit every state that can be reached, or go on only until one is unjustified."""
    seen = _Map(first(rules, workers))
    taken: set[str] = set()
    breach: tuple[str, ...] = ()
    for here, state in enumerate(seen.states):
        if _is_unjustified(state):
            breach = breach or seen.way_to(here)
            if until_breach:
                break
        for step in steps(state, rules):
            taken.add(step.name)
            seen.add(here, step)
    states = seen.states
    doubled = [state for state in states if len(state.copies) > 1]
    ended = seen.can_reach(n for n, state in enumerate(states) if _is_seen(state, rules))
    unsent = [state for state in states if state.row.status is Status.SENT and not state.copies]
    return Account(
        rules=rules,
        workers=workers,
        states=len(states),
        copies=max(len(state.copies) for state in states),
        doubled=len(doubled),
        paused=sum(any(copy.cover is Cover.PAUSED for copy in state.copies) for state in doubled),
        assumed=sum(state.row.assumed for state in unsent),
        unjustified=sum(map(_is_unjustified, states)),
        false=sum(not state.row.assumed for state in unsent),
        lost=len(states) - len(ended),
        ends=frozenset(state.row.status for state in states),
        steps=frozenset(taken),
        breach=breach,
    )


def _is_unjustified(state: State) -> bool:
    # In the order of their claims, but for the excused ones: each other must be the last.
    return any(copy.cover not in EXCUSED for copy in state.copies[:-1])


def _is_seen(state: State, rules: Rules) -> bool:
    """Whether the mail has its end, waits for a person, or waits at the edge of what is explored."""
    if state.row.status is Status.PENDING:
        return state.row.fence == rules.claims
    return state.row.status is not Status.SENDING
