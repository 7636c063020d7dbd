"""A sender carries one parcel after the other over one connection, and each verdict reaches the loop."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from outbox.mail.verdict import Answer, Deferred, InDoubt, Rejected, RelayFault, Sent, Untouched, Verdict
from outbox.worker.parcel import Parcel
from outbox.worker.sender import IDLE, Sender
from outbox.worker.tray import Tray
from tests.unit.worker.held import claim, message, parcel, run

SENT = Sent(Answer(250, None, "Ok"), None)
FAULT = RelayFault("connect", "refused", None)
CUT = Untouched("cut")


LEFT: dict[str, list[Verdict]] = {
    "body": [Untouched("left")],
    "dot": [InDoubt("end of data", "left", None)],
    "answered": [SENT],
}


class Line:
    """Stands in for a connection: answers as it was told to, and notes its own end."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.sent = 0
        self.usable = True
        self.outstanding_dot = False
        self.left: list[Verdict] = []
        self.ended = ""

    async def send(self, envelope: Any, _may_dot: Callable[[], str | None]) -> list[Verdict]:
        await asyncio.sleep(0)
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            self.outstanding_dot = answer == "dot"
            self.left = LEFT[answer]
            await asyncio.get_running_loop().create_future()
        if isinstance(answer, Exception):
            raise answer
        if answer is CUT:
            self.usable = False
        else:
            self.sent += 1
        return [answer] * len(envelope.recipients)

    def abort(self) -> None:
        self.ended = "aborted"

    async def quit(self) -> None:
        self.ended = "quit"


class Scene:
    """A sender at a tray, with the lines that it will get in turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *lines: Line | RelayFault) -> None:
        self.lines = list(lines)
        self.opened: list[float] = []
        self.delivered: list[tuple[list[int], list[Verdict]]] = []
        self.refused: set[int] = set()
        self.veto: str | None = None
        self.tray = Tray(lambda: 9, lambda: None)
        nothing: Any = None
        self.sender = Sender(
            nothing, None, self.tray, self._may_begin, lambda _parcel: self.veto, self._deliver
        )
        monkeypatch.setattr("outbox.worker.sender.connect", self._connect)

    async def _connect(self, *_: object) -> Line | RelayFault:
        self.opened.append(asyncio.get_running_loop().time())
        return self.lines[len(self.opened) - 1]

    def _may_begin(self, one: Parcel) -> bool:
        return one.claims[0].delivery_id not in self.refused

    def _deliver(self, one: Parcel, verdicts: Sequence[Verdict]) -> None:
        self.delivered.append(([held.delivery_id for held in one.claims], list(verdicts)))

    def send(self, count: int) -> list[Verdict]:
        """Send so many parcels, close the tray, and return the first verdict of each."""

        async def work() -> None:
            self.put(count)
            self.tray.close()
            await self.sender.run()

        run(work())
        return [verdicts[0] for _, verdicts in self.delivered]

    def put(self, count: int) -> None:
        parcels = [parcel(claim(n)) for n in range(1, count + 1)]
        for one in parcels:
            one.message = message()
        self.tray.put(parcels)


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Scene]:
    return lambda *lines: Scene(monkeypatch, *lines)


def test_one_connection_carries_all_and_ends_politely(make: Callable[..., Scene]) -> None:
    line = Line(SENT, SENT, SENT)
    scene = make(line)
    assert scene.send(3) == [SENT] * 3
    assert [ids for ids, _ in scene.delivered] == [[1], [2], [3]]
    assert (len(scene.opened), line.ended, scene.tray.active) == (1, "quit", 0)


def test_a_mail_that_a_kept_connection_left_untouched_goes_at_once_over_a_new_one(
    make: Callable[..., Scene],
) -> None:
    first, second = Line(SENT, CUT), Line(SENT)
    scene = make(first, second)
    assert scene.send(2) == [SENT, SENT]
    assert (first.ended, second.ended) == ("aborted", "quit")
    assert scene.opened == [0.0, 0.0]


def test_a_mail_that_a_new_connection_left_untouched_goes_back(make: Callable[..., Scene]) -> None:
    scene = make(Line(CUT), Line(SENT))
    assert scene.send(2) == [CUT, SENT]


def test_a_mail_that_may_not_be_sent_any_more_is_not_tried_again(make: Callable[..., Scene]) -> None:
    scene = make(Line(SENT, CUT))
    scene.veto = "the lease of this session is over"
    assert scene.send(2) == [SENT, CUT]


def test_a_relay_that_cannot_be_reached_is_told_for_every_recipient(make: Callable[..., Scene]) -> None:
    scene = make(FAULT)
    both = parcel(claim(1), claim(2))
    both.message = message()

    async def work() -> None:
        scene.tray.put([both])
        scene.tray.close()
        await scene.sender.run()

    run(work())
    assert scene.delivered == [([1, 2], [FAULT, FAULT])]


def test_a_sender_that_meets_faults_rests_longer_each_time(make: Callable[..., Scene]) -> None:
    scene = make(*[FAULT] * 5, Line(SENT, SENT))

    async def work() -> None:
        scene.put(7)
        sending = asyncio.create_task(scene.sender.run())
        await asyncio.sleep(60)
        scene.tray.close()
        await sending

    run(work())
    assert scene.opened == [0.0, 1.0, 3.0, 7.0, 12.0, 17.0]
    assert [verdicts[0] for _, verdicts in scene.delivered] == [FAULT] * 5 + [SENT] * 2


def test_an_idle_connection_is_closed_politely(make: Callable[..., Scene]) -> None:
    line, second = Line(SENT), Line(SENT)
    scene = make(line, second)

    async def work() -> None:
        sending = asyncio.create_task(scene.sender.run())
        scene.put(1)
        await asyncio.sleep(IDLE - 1)
        assert line.ended == ""
        await asyncio.sleep(2)
        assert line.ended == "quit"
        scene.put(1)
        await asyncio.sleep(1)
        scene.tray.close()
        await sending

    run(work())
    assert len(scene.opened) == 2


def test_what_expired_meanwhile_is_not_sent(make: Callable[..., Scene]) -> None:
    scene = make(Line(SENT))
    scene.refused = {1}
    assert scene.send(2) == [SENT]
    assert [ids for ids, _ in scene.delivered] == [[2]]


def test_a_message_without_bytes_is_refused_by_us(make: Callable[..., Scene]) -> None:
    scene = make()

    async def work() -> None:
        scene.tray.put([parcel(claim(1), claim(2))])
        scene.tray.close()
        await scene.sender.run()

    run(work())
    ((ids, verdicts),) = scene.delivered
    assert (ids, [type(verdict) for verdict in verdicts]) == ([1, 2], [Rejected, Rejected])
    assert scene.opened == []


@pytest.mark.parametrize(("dot", "kind"), [(False, Deferred), (True, InDoubt)])
def test_a_mail_that_breaks_our_own_code_stops_nobody(
    make: Callable[..., Scene], *, dot: bool, kind: type[Verdict]
) -> None:
    broken, second = Line(ZeroDivisionError("oops")), Line(SENT)
    broken.outstanding_dot = dot
    scene = make(broken, second)
    first, after = scene.send(2)
    assert isinstance(first, kind)
    assert isinstance(first, Deferred | InDoubt)
    assert "ZeroDivisionError in the daemon: oops" in first.reason
    assert (after, broken.ended) == (SENT, "aborted")


@pytest.mark.parametrize(("where", "kind"), [("body", Untouched), ("dot", InDoubt), ("answered", Sent)])
def test_told_to_leave_it_hands_on_what_the_connection_knows(
    make: Callable[..., Scene], where: str, kind: type[Verdict]
) -> None:
    line = Line(where)
    scene = make(line)

    async def work() -> None:
        scene.put(1)
        sending = asyncio.create_task(scene.sender.run())
        await asyncio.sleep(1)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)

    run(work())
    ((_, (verdict,)),) = scene.delivered
    assert isinstance(verdict, kind)
    assert (line.ended, scene.tray.active) == ("aborted", 0)
