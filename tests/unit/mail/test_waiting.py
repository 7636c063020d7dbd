"""Of several things that keep a mail the one is told without whose end no other helps."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from outbox.mail.status import Lane, Status
from outbox.mail.waiting import MOST_AHEAD, Known, Waits, explain
from outbox.mail.way import Gate

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
IN_TURN = Known(
    status=Status.PENDING, lane=Lane.FRESH, due_at=AT, due_in=-1.0, attempts=0, reason=None,
    relay=None, said=None, gates=(),
    suppressed=None, is_late=False, asked=None, holder=None, has_daemon=True, ahead=3,
)  # fmt: skip
ANOTHER = "if its stream names another relay, that one takes it: outbox why ID tells"
KEEPS: list[tuple[Waits, dict[str, Any]]] = [
    (Waits.SUPPRESSED, {"suppressed": "she asked"}),
    (Waits.PAUSED, {"gates": (Gate("the relay 'mx'", paused_at=AT, fault="it is down"),)}),
    (Waits.SCHEDULED, {"due_in": 60.0}),
    (Waits.NO_DAEMON, {"has_daemon": False}),
    (Waits.RELAY_FAULT, {"gates": (Gate("the relay 'mx'", fault="it is down"),)}),
    (Waits.QUOTA, {"gates": (Gate("the relay 'mx'", short_of="quota", short_until=AT),)}),
    (Waits.IN_TURN, {}),
]


@pytest.mark.parametrize("n", range(len(KEEPS)))
def test_the_first_of_all_that_keep_it_is_told(n: int) -> None:
    waits, changes = KEEPS[n]
    later = [values for _, values in KEEPS[n + 1 :]]
    for other in later:
        found = explain(replace(IN_TURN, **other | changes))
        is_known = "due_in" in other | changes or waits is Waits.QUOTA
        assert (waits, AT if is_known else None) == (found.waits_for, found.until)
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


@pytest.mark.parametrize(
    ("gate", "waits", "says"),
    [
        (
            Gate("the relay 'mx'", fault="connect: refused", open_until=AT),
            Waits.RELAY_FAULT,
            f"the relay 'mx' is down: connect: refused; it is tried again at 2026-06-01 12:00:00Z; {ANOTHER}",
        ),
        (
            Gate("the relay 'mx'", open_until=AT),
            Waits.RELAY_FAULT,
            (
                "the relay 'mx' is down: its daemons could not reach it; it is tried again at "
                f"2026-06-01 12:00:00Z; {ANOTHER}"
            ),
        ),
        (
            Gate("the stream 'bulk'", short_of="rate", short_until=AT),
            Waits.RATE,
            (
                "the rate of the stream 'bulk' lets no more pass until 2026-06-01 12:00:00Z: nothing to do, "
                "or raise it"
            ),
        ),
    ],
)
def test_a_gate_that_lets_nothing_pass_tells_until_when(gate: Gate, waits: Waits, says: str) -> None:
    found = explain(replace(IN_TURN, gates=(gate,)))
    assert (waits, says, AT) == (found.waits_for, found.says, found.until)


def test_what_was_not_counted_is_told() -> None:
    says = "it is in its turn, and what is ahead of it was not counted: nothing to do"
    assert says == explain(replace(IN_TURN, ahead=None)).says


AS_NEW = "retry(…, as_new=True) sends it again as a new mail"
REMEDIES: list[tuple[Status, dict[str, Any], str]] = [
    (Status.FAILED, {"is_late": True}, f"it failed; its expires_at has passed: {AS_NEW}"),
    (
        Status.FAILED,
        {"suppressed": ""},
        "it failed; its address is suppressed: unsuppress(…) it, then retry(…) tries it again",
    ),
    (Status.HELD, {"is_late": True}, "it is held: cancel(…) ends it"),
    (Status.IN_DOUBT, {"is_late": True}, "mark_sent(…) or cancel(…)"),
    (
        Status.IN_DOUBT,
        {"suppressed": ""},
        "mark_sent(…), cancel(…), or unsuppress(…) its address and retry(…)",
    ),
]


@pytest.mark.parametrize(("status", "changes", "says"), REMEDIES)
def test_no_remedy_is_told_that_would_change_nothing(
    status: Status, changes: dict[str, Any], says: str
) -> None:
    found = explain(replace(IN_TURN, status=status, **changes)).says
    assert says == found.removeprefix("nobody knows whether the relay has it; look at the relay's log, then ")


def test_each_state_that_is_not_pending_waits_for_itself() -> None:
    for status in set(Status) - {Status.PENDING, Status.SENDING}:
        assert Waits(status.value) is explain(replace(IN_TURN, status=status)).waits_for
