"""Of several things that keep a mail the one is told without whose end no other helps."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from outbox.mail.status import Lane, Status
from outbox.mail.waiting import MOST_AHEAD, Gate, Known, Waits, explain

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
IN_TURN = Known(
    status=Status.PENDING, lane=Lane.FRESH, due_at=AT, due_in=-1.0, attempts=0, reason=None, said=None,
    gates=(), suppressed=None, asked=None, holder=None, has_daemon=True, ahead=3,
)  # fmt: skip
KEEPS: list[tuple[Waits, dict[str, Any]]] = [
    (Waits.SUPPRESSED, {"suppressed": "she asked"}),
    (Waits.PAUSED, {"gates": (Gate("the relay 'mx'", paused_at=AT, fault="it is down"),)}),
    (Waits.SCHEDULED, {"due_in": 60.0}),
    (Waits.NO_DAEMON, {"has_daemon": False}),
    (Waits.RELAY_FAULT, {"gates": (Gate("the relay 'mx'", fault="it is down"),)}),
    (Waits.IN_TURN, {}),
]


@pytest.mark.parametrize("n", range(len(KEEPS)))
def test_the_first_of_all_that_keep_it_is_told(n: int) -> None:
    waits, changes = KEEPS[n]
    later = [values for _, values in KEEPS[n + 1 :]]
    for other in later:
        found = explain(replace(IN_TURN, **other | changes))
        assert (waits, AT if "due_in" in other | changes else None) == (found.waits_for, found.until)
    assert waits is explain(replace(IN_TURN, **changes)).waits_for


@pytest.mark.parametrize(
    ("changes", "waits"),
    [
        ({}, Waits.SCHEDULED),
        ({"attempts": 1}, Waits.RETRY),
        ({"lane": Lane.RETRY}, Waits.RETRY),
        ({"lane": Lane.ALONE}, Waits.RETRY),
    ],
)
def test_only_what_was_never_tried_is_scheduled(changes: dict[str, Any], waits: Waits) -> None:
    assert waits is explain(replace(IN_TURN, due_in=60.0, **changes)).waits_for


@pytest.mark.parametrize(
    ("ahead", "words"), [(0, "0"), (MOST_AHEAD, "10,000"), (MOST_AHEAD + 1, "10,000 or more")]
)
def test_how_many_are_ahead_is_told_up_to_a_bound(ahead: int, words: str) -> None:
    says = explain(replace(IN_TURN, ahead=ahead)).says
    assert says == f"it is in its turn, with {words} ahead of it: nothing to do"


def test_each_state_that_is_not_pending_waits_for_itself() -> None:
    for status in set(Status) - {Status.PENDING, Status.SENDING}:
        assert Waits(status.value) is explain(replace(IN_TURN, status=status)).waits_for
