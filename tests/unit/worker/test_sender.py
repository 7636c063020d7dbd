"""A sender carries one parcel after the other over one connection, and each verdict reaches the loop."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from outbox.delivery.mail import Mail
from outbox.mail.verdict import Deferred, Rejected, Untouched, Verdict
from outbox.worker.parcel import Parcel
from outbox.worker.sender import _NO_MESSAGE
from tests.unit.worker.held import claim, message, parcel, run
from tests.unit.worker.lines import BROKEN, CUT, FAULT, SENT, Line, Scene


def test_one_connection_carries_all_and_ends_politely() -> None:
    line = Line(SENT, SENT, SENT)
    scene = Scene(line)
    assert scene.send(3) == [SENT] * 3
    assert [ids for ids, _ in scene.delivered] == [[1], [2], [3]]
    assert (len(scene.opened), line.ended, scene.tray.carrying) == (1, "quit", 0)


def test_a_mail_that_a_connection_left_untouched_goes_at_once_over_a_new_one() -> None:
    first, second = Line(SENT, CUT), Line(SENT)
    scene = Scene(first, second)
    assert scene.send(2) == [SENT, SENT]
    assert (first.ended, second.ended) == ("quit", "quit")
    assert scene.opened == [0.0, 0.0]


def test_a_mail_that_connection_after_connection_leaves_untouched_goes_back() -> None:
    scene = Scene(Line(CUT), Line(CUT), Line(CUT), Line(SENT))
    assert scene.send(2) == [CUT, SENT]


def test_a_mail_that_may_not_be_sent_any_more_is_not_tried_again() -> None:
    scene = Scene(Line(SENT, CUT))
    scene.veto = "the lease of this session is over"
    assert scene.send(2) == [SENT, CUT]


def test_a_daemon_that_stops_makes_no_connection_and_keeps_no_mail() -> None:
    scene = Scene(None)

    async def work() -> None:
        sending = asyncio.create_task(scene.sender.run())
        scene.put(2)
        await asyncio.sleep(1)
        scene.tray.close()
        await sending

    run(work())
    stops = [Untouched("the daemon stops")]
    assert scene.delivered == [([1], stops), ([2], stops)]
    assert scene.met == []


def test_a_sender_that_meets_faults_rests_longer_each_time_and_the_mail_waits() -> None:
    scene = Scene(*[FAULT] * 5, Line(SENT, SENT))

    async def work() -> None:
        scene.put(2)
        sending = asyncio.create_task(scene.sender.run())
        await asyncio.sleep(60)
        scene.tray.close()
        await sending

    run(work())
    assert scene.opened == [0.0, 1.0, 3.0, 7.0, 12.0, 17.0]
    assert scene.met == [FAULT] * 5
    assert [verdicts[0] for _, verdicts in scene.delivered] == [SENT] * 2


def test_what_expired_meanwhile_is_not_sent() -> None:
    scene = Scene(Line(SENT))
    scene.refused = {1}
    assert scene.send(2) == [SENT]
    assert [ids for ids, _ in scene.delivered] == [[2]]


def test_a_message_without_bytes_is_refused_by_us() -> None:
    scene = Scene(Line())

    async def work() -> None:
        sending = asyncio.create_task(scene.sender.run())
        scene.tray.put([parcel(claim(1), claim(2))])
        await asyncio.sleep(1)
        scene.tray.close()
        await sending

    run(work())
    ((ids, verdicts),) = scene.delivered
    assert (ids, [type(verdict) for verdict in verdicts]) == ([1, 2], [Rejected, Rejected])


@pytest.mark.parametrize(
    ("without", "expected"),
    [
        (None, Rejected("message body", _NO_MESSAGE, None)),
        (dict[str, Any](), Rejected("message body", "the message has no bytes", None)),
        ({"problem": "sender: no"}, Rejected("message body", "sender: no", None)),
        ({"problem": "not now", "may_pass": True}, Deferred("message body", "not now", None)),
    ],
)
def test_a_message_without_bytes_is_judged_by_its_problem(
    without: dict[str, Any] | None, expected: Verdict
) -> None:
    scene = Scene(Line(SENT))

    async def work() -> None:
        one = parcel(claim(1))
        one.message = None if without is None else replace(message(size=0), **without)
        scene.tray.put([one])
        sending = asyncio.create_task(scene.sender.run())
        await asyncio.sleep(1)
        scene.tray.close()
        await sending

    run(work())
    assert scene.delivered == [([1], [expected])]


@pytest.mark.parametrize("broken", [Line(ZeroDivisionError("oops")), ZeroDivisionError("oops")])
def test_our_own_code_that_breaks_stops_nobody(
    broken: Line | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene(broken, Line(SENT, SENT))
    expected = [BROKEN, SENT] if isinstance(broken, Line) else [SENT, SENT]
    assert scene.send(2) == expected
    assert "ZeroDivisionError" in caplog.text


def test_told_to_leave_it_gives_back_what_no_connection_has_touched() -> None:
    scene = Scene(Line(CUT), None)

    async def work() -> None:
        scene.put(2)
        sending = asyncio.create_task(scene.sender.run())
        await asyncio.sleep(1)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)

    run(work())
    assert (len(scene.opened), scene.tray.carrying, scene.tray.ready) == (2, 0, 0)
    stops = [Untouched("the daemon stops")]
    assert scene.delivered == [([1], stops), ([2], stops)]


def test_a_parcel_that_waits_for_its_turn_is_given_back_when_the_daemon_stops() -> None:
    width = [9]

    class LastLine(Line):
        async def carry(self, next_mail: Callable[[], Mail | None], write_down: Callable[[], None]) -> None:
            await super().carry(next_mail, write_down)
            width[0] = 0

    scene = Scene(LastLine(SENT, CUT))
    scene.tray._width = lambda: width[0]
    assert scene.send(2) == [SENT, Untouched("the daemon stops")]
    assert len(scene.opened) == 1


def test_a_parcel_that_breaks_our_own_code_is_settled_and_the_next_one_goes() -> None:
    scene = Scene(Line(SENT))
    scene.breaking = {1}
    first, second = scene.send(2)
    assert isinstance(first, Deferred)
    assert "ZeroDivisionError in the daemon" in first.reason
    assert second == SENT


class Steps:
    """Stands in for the journal: notes what it is told, between what a connection does."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def begun(self, _parcel: Parcel, _relay: str) -> None:
        self.taken.append("begun")

    def dotted(self, _parcel: Parcel) -> None:
        self.taken.append("dotted")

    def flush(self) -> None:
        self.taken.append("written")

    def answered(self, _parcel: Parcel, verdicts: Sequence[Verdict]) -> None:
        self.taken.append(f"answered {len(verdicts)}")


@pytest.mark.parametrize(
    ("veto", "expected"),
    [
        (None, ["begun", "in hand", "dotted", "written", "dot", "answered 1"]),
        ("the daemon was told to leave", ["begun", "in hand", "answered 1"]),
    ],
)
def test_each_step_is_said_to_the_journal_before_it_is_taken(veto: str | None, expected: list[str]) -> None:
    steps = Steps()

    class Dotting(Line):
        async def carry(self, next_mail: Callable[[], Mail | None], write_down: Callable[[], None]) -> None:
            while (mail := next_mail()) is not None:
                steps.taken.append("in hand")
                if mail.may_dot() is None:
                    write_down()
                    steps.taken.append("dot")
                self.sent += 1
                mail.settled([SENT])

    scene = Scene(Dotting())
    scene.veto = veto
    scene.sender._journal = steps  # type: ignore[assignment] # stands in for it
    assert scene.send(1) == [SENT]
    assert expected == steps.taken
