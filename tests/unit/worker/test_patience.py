"""A sender that waits long for the answer to its dot keeps no other from work."""

import asyncio
from collections.abc import Callable

from outbox.delivery.mail import Mail
from outbox.worker.patience import LONG, Patience
from outbox.worker.tray import Tray
from tests.unit.worker.held import claim, parcel, run
from tests.unit.worker.lines import SENT, Line, Scene


class Slow(Line):
    """Answers each dot after so many seconds, and notes in `dots` when the dots went out."""

    def __init__(self, dots: list[float], *seconds: float) -> None:
        super().__init__()
        self._dots = dots
        self._seconds = list(seconds)

    async def carry(self, next_mail: Callable[[], Mail | None], _write_down: Callable[[], None]) -> None:
        while (mail := next_mail()) is not None:
            if mail.may_dot() is None:
                self._dots.append(asyncio.get_running_loop().time())
            await asyncio.sleep(self._seconds.pop(0))
            self.sent += 1
            mail.settled([SENT])


def narrow(scene: Scene) -> None:
    """Let one sender work at a time, as after an outage."""
    scene.tray._width = lambda: 1


def dots(scene: Scene, mails: int) -> None:
    """Have two senders send so many mails."""

    async def work() -> None:
        sending = [asyncio.create_task(one.run()) for one in (scene.sender, scene.another())]
        scene.put(mails)
        await asyncio.sleep(1000)
        scene.tray.close()
        await asyncio.gather(*sending)

    narrow(scene)
    run(work())


def test_ten_seconds_after_a_dot_without_an_answer_another_sender_works_in_its_place() -> None:
    seen: list[float] = []
    dots(Scene(Slow(seen, 600), Slow(seen, 0, 0)), 3)
    assert (seen, LONG) == ([0.0, 10.0, 10.0], 10)


def test_a_dot_that_is_answered_in_time_lets_nobody_else_in() -> None:
    seen: list[float] = []
    scene = Scene(Slow(seen, 9, 9, 9))
    dots(scene, 3)
    assert (seen, len(scene.opened)) == ([0.0, 9.0, 18.0], 1)


def test_a_sender_whose_answer_comes_while_another_works_in_its_place_waits_for_its_turn() -> None:
    seen: list[float] = []
    dots(Scene(Slow(seen, 12, 9), Slow(seen, 8, 8)), 3)
    assert seen == [0.0, 10.0, 18.0]


def test_a_mail_that_may_get_no_dot_waits_for_no_answer_to_it() -> None:
    scene = Scene(Slow([], 60, 0), Slow([], 0))
    scene.veto = "verdicts cannot be stored"
    dots(scene, 2)
    assert len(scene.opened) == 1


def test_the_verdict_on_a_mail_that_should_ride_behind_a_dot_is_no_answer_to_the_dot() -> None:
    first, second = parcel(claim(1)), parcel(claim(2))

    async def work() -> None:
        tray = Tray(lambda: 1, lambda: None)
        tray.put([first])
        patience = Patience(tray)
        assert tray.enter()
        assert tray.take()
        patience.dotted(first)
        patience.settled(second)
        await asyncio.sleep(LONG + 1)
        assert not tray.busy
        patience.settled(second)
        assert not tray.busy
        patience.settled(first)
        assert tray.busy

    run(work())


def test_each_wait_for_an_answer_is_a_new_one() -> None:
    mails = [parcel(claim(n)) for n in (1, 2)]

    async def work() -> None:
        tray = Tray(lambda: 1, lambda: None)
        patience = Patience(tray)
        assert tray.enter(returning=True)
        for one in mails:
            patience.dotted(one)
            await asyncio.sleep(LONG - 1)
            assert tray.busy
            await asyncio.sleep(2)
            assert not tray.busy
            patience.settled(one)
            assert tray.busy
        patience.dotted(mails[0])
        patience.settled(mails[0])
        await asyncio.sleep(LONG + 1)
        assert tray.busy
        tray.leave()
        assert not tray.busy

    run(work())
