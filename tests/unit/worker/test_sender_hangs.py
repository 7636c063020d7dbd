"""Of a relay that accepts and says nothing it is told soon, and one connection at most waits on."""

import asyncio
from dataclasses import replace

from outbox.delivery.relay import Pool
from outbox.worker.tray import Tray
from tests.unit.worker.held import parcel, run
from tests.unit.worker.lines import HANGS, SENT, Line, Scene


def sent_after(scene: Scene, seconds: float, senders: int) -> int:
    """Let so many senders work for `seconds`; return how many mails were sent then."""

    async def work() -> int:
        others = [scene.another() for _ in range(senders - 1)]
        sending = [asyncio.create_task(one.run()) for one in (scene.sender, *others)]
        scene.put(1)
        await asyncio.sleep(seconds)
        count = len(scene.delivered)
        scene.tray.close()
        await asyncio.gather(*sending)
        return count

    return run(work())


def test_while_one_waits_on_another_tries_and_whoever_hangs_then_gives_up() -> None:
    scene = Scene(None, None, Line(SENT))
    assert sent_after(scene, 65, 3) == 1
    # The second one gave up after 30 s, and the third came in its place.
    assert scene.opened == [0.0, 30.0, 60.0]
    assert scene.met == [HANGS, HANGS]


def test_a_relay_that_greets_late_gets_its_mail_by_the_connection_that_waited_on() -> None:
    scene = Scene(Line(SENT, late=200.0), *[None] * 20)
    assert sent_after(scene, 201, 2) == 1


def test_when_the_one_that_waited_on_has_come_another_may() -> None:
    tray = Tray(lambda: 2, lambda: None)
    tray.put([parcel()])
    assert tray.enter()
    tray.dial()
    assert [tray.wait_on(), tray.wait_on()] == [True, False]
    assert (tray.working, tray.carrying) == (0, 0)
    assert tray.enter()
    tray.dial()
    tray.arrive(late=True)
    assert (tray.working, tray.carrying) == (2, 1)
    assert tray.wait_on()


def test_of_one_connection_that_may_be_none_is_given_up_for_another() -> None:
    scene = Scene(Line(SENT, late=200.0))
    scene.relay = replace(scene.relay, pool=Pool(1))
    assert sent_after(scene, 201, 1) == 1
    assert scene.met == [HANGS]
