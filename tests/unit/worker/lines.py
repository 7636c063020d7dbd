"""A sender at a tray, and connections that answer as a test tells them."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from outbox.delivery.mail import Mail
from outbox.delivery.relay import Pool, Relay
from outbox.mail.verdict import Answer, Deferred, RelayFault, Sent, Untouched, Verdict
from outbox.worker.journaling import Journaling
from outbox.worker.parcel import Parcel
from outbox.worker.sender import Sender
from outbox.worker.tray import Tray
from tests.unit.worker.held import claim, message, parcel, run

IDLE = Pool().idle
SENT = Sent(Answer(250, None, "Ok"), None)
FAULT = RelayFault("connect", "refused", None)
CUT = Untouched("cut")
HANGS = RelayFault("greeting", "no answer", None, waited=30.0)
BROKEN = Deferred("", "broken", None)


class Line:
    """Stands in for a connection: answers as it was told to, and notes its own end."""

    def __init__(self, *answers: Any, late: float = 0.0) -> None:
        self.answers = list(answers)
        self.late = late
        self.usable = True
        self.sent = 0
        self.fault: RelayFault | None = None
        self.ended = ""
        self.pinged = 0
        self.forgotten = False

    async def carry(self, next_mail: Callable[[], Mail | None], _write_down: Callable[[], None]) -> None:
        while self.usable and (mail := next_mail()) is not None:
            await asyncio.sleep(0)
            answer = self.answers.pop(0)
            self.sent += 1
            if isinstance(answer, Exception):
                self.usable = False
                mail.settled([BROKEN])
                raise answer
            self.usable = answer is not CUT
            mail.settled([answer] * len(mail.envelope.recipients))

    async def responds(self) -> bool:
        self.pinged += 1
        self.usable = self.usable and not self.forgotten
        return self.usable

    def abort(self) -> None:
        self.ended = "aborted"

    async def quit(self) -> None:
        self.ended = "quit"


class Scene:
    """A sender at a tray, with the lines that it will get in turn."""

    def __init__(self, *lines: Line | RelayFault | Exception | None) -> None:
        self.lines = list(lines)
        self.opened: list[float] = []
        self.delivered: list[tuple[list[int], list[Verdict]]] = []
        self.met: list[RelayFault] = []
        self.refused: set[int] = set()
        self.breaking: set[int] = set()
        self.veto: str | None = None
        self.tray = Tray(lambda: 9, lambda: None)
        self.relay = Relay(name="mx", host="mail.example", port=25)
        self.journal = Journaling(None, "mx")
        self.sender = self.another()

    def another(self) -> Sender:
        """Return one more sender at the same tray."""
        dialler: Any = self
        return Sender(
            dialler,
            self.tray,
            self.journal,
            self._may_begin,
            lambda _parcel: self.veto,
            self._deliver,
            self.met.append,
        )

    async def connect(self, hangs: Callable[[RelayFault], None]) -> Line | RelayFault:
        self.opened.append(asyncio.get_running_loop().time())
        line = self.lines[len(self.opened) - 1]
        timer = asyncio.get_running_loop().call_later(HANGS.waited, hangs, HANGS)
        try:
            if line is None:
                await asyncio.get_running_loop().create_future()
            await asyncio.sleep(getattr(line, "late", 0.0))
        finally:
            timer.cancel()
        if isinstance(line, Exception):
            raise line
        assert line is not None
        return line

    def _may_begin(self, one: Parcel) -> bool:
        if one.claims[0].delivery_id in self.breaking:
            raise ZeroDivisionError
        return one.claims[0].delivery_id not in self.refused

    def _deliver(self, one: Parcel, verdicts: Sequence[Verdict]) -> None:
        self.delivered.append(([held.delivery_id for held in one.claims], list(verdicts)))

    def send(self, count: int) -> list[Verdict]:
        """Send so many parcels, close the tray, and return the first verdict of each."""

        async def work() -> None:
            sending = asyncio.create_task(self.sender.run())
            self.put(count)
            await asyncio.sleep(IDLE / 2)
            self.tray.close()
            await sending

        run(work())
        return [verdicts[0] for _, verdicts in self.delivered]

    def put(self, count: int) -> None:
        parcels = [parcel(claim(n)) for n in range(1, count + 1)]
        for one in parcels:
            one.message = message()
        self.tray.put(parcels)
