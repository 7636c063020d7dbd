"""A sender that finds only a rescued delivery waits for its announcement, and for nothing else."""

import asyncio

from outbox.mail.verdict import Untouched
from outbox.worker.parcel import Parcel
from tests.unit.worker.held import message, parcel, rescued, run
from tests.unit.worker.lines import CUT, FAULT, SENT, Line, Scene


class Counting(Line):
    """Counts how often it was asked to carry something."""

    asked = 0

    async def carry(self, *args: object) -> None:
        self.asked += 1
        await super().carry(*args)  # type: ignore[arg-type] # as it was called


def suspect() -> Parcel:
    """Return a rescued parcel with its body."""
    one = parcel(rescued(9))
    one.message = message()
    return one


def announce(scene: Scene, one: Parcel) -> None:
    """Do what the loop does when the announcement is written."""
    assert scene.tray.wanted == [one]
    scene.tray.announced(one)
    scene.tray.stir()


def test_a_sender_asks_once_sleeps_while_the_announcement_is_written_and_then_sends() -> None:
    line, one = Counting(SENT), suspect()
    scene = Scene(line)

    async def work() -> None:
        sending = asyncio.create_task(scene.sender.run())
        scene.tray.put([one])
        for _ in range(20):
            await asyncio.sleep(1)  # the virtual loop would go on for ever if the sender did not sleep
            scene.tray.stir()
        assert (line.asked, scene.delivered) == (1, [])
        announce(scene, one)
        await asyncio.sleep(1)
        assert scene.delivered == [([9], [SENT])]
        scene.tray.close()
        await sending

    run(work())


def test_other_mail_goes_while_the_announcement_of_a_rescued_one_is_written() -> None:
    line, one = Line(SENT, SENT, SENT, SENT), suspect()
    scene = Scene(line)

    async def work() -> None:
        sending = asyncio.create_task(scene.sender.run())
        scene.tray.put([one])
        await asyncio.sleep(1)
        for _ in range(3):
            scene.put(1)
            await asyncio.sleep(1)
        assert scene.delivered == [([1], [SENT])] * 3
        announce(scene, one)
        await asyncio.sleep(1)
        assert scene.delivered[3:] == [([9], [SENT])]
        scene.tray.close()
        await sending

    run(work())


def test_a_rescued_delivery_whose_sender_lost_its_connection_meanwhile_is_sent_by_another() -> None:
    one = suspect()
    scene = Scene(Line(CUT), Line(CUT), FAULT, Line(SENT))

    async def work() -> None:
        sending = [asyncio.create_task(each.run()) for each in (scene.sender, scene.another())]
        scene.tray.put([one])
        await asyncio.sleep(1)
        scene.put(1)  # of which the connections die, and its sender rests after the fault
        await asyncio.sleep(0.5)
        announce(scene, one)
        await asyncio.sleep(5)
        assert ([9], [SENT]) in scene.delivered
        scene.tray.close()
        await asyncio.gather(*sending)

    run(work())


def test_a_daemon_that_stops_gives_back_a_rescued_delivery_that_waits_for_its_announcement() -> None:
    one = suspect()
    scene = Scene(Line())

    async def work() -> None:
        sending = asyncio.create_task(scene.sender.run())
        scene.tray.put([one])
        await asyncio.sleep(1)
        assert scene.tray.wanted == [one]
        scene.tray.close()
        await sending

    run(work())
    assert scene.delivered == [([9], [Untouched("the daemon stops")])]
