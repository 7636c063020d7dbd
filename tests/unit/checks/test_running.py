"""Checks run beside each other; none hides another, whatever becomes of it."""

import threading
from collections.abc import Iterator

import pytest

from outbox.checks.running import Check, run_checks
from outbox.errors import SchemaError
from outbox.findings import Finding, Level, ok


def test_a_check_that_breaks_or_hangs_keeps_what_it_has_found_and_hides_no_other() -> None:
    for_ever = threading.Event()

    def breaks() -> Iterator[Finding]:
        yield ok("first", "found")
        raise ZeroDivisionError("oh")

    def refuses() -> Iterator[Finding]:
        yield from ()
        raise SchemaError("The tables are gone. Run: outbox db upgrade")

    def hangs() -> Iterator[Finding]:
        yield ok("third", "found")
        for_ever.wait()

    checks = [
        Check("breaks", breaks),
        Check("refuses", refuses),
        Check("hangs", hangs),
        Check("works", lambda: [ok("works", "yes")]),
    ]
    found = list(run_checks(checks, 0.2))
    for_ever.set()
    assert [(each.subject, each.level, each.is_outage) for each in found] == [
        ("first", Level.OK, False),
        ("breaks", Level.FAULT, False),
        ("refuses", Level.FAULT, False),
        ("third", Level.OK, False),
        ("hangs", Level.FAULT, True),
        ("works", Level.OK, False),
    ]
    assert found[1].says == "unexpected ZeroDivisionError: oh"
    assert found[2].says == "The tables are gone. Run: outbox db upgrade"
    assert "no end after 0.2 seconds" in found[4].says


def test_all_begin_at_once() -> None:
    meeting = threading.Barrier(3, timeout=10)

    def meets() -> Iterator[Finding]:
        meeting.wait()
        yield ok("met", "")

    found = list(run_checks([Check("meets", meets)] * 3, 10))
    assert [each.level for each in found] == [Level.OK] * 3


@pytest.mark.parametrize("count", [0, 1])
def test_few_checks_end_at_once(count: int) -> None:
    checks = [Check("one", lambda: [ok("one", "")])] * count
    assert len(list(run_checks(checks, 60))) == count
