"""A sender makes no connection that nobody needs, asks one that was silent, and closes one that is idle."""

import asyncio

from outbox.worker.sender import QUIET
from tests.unit.worker.held import run
from tests.unit.worker.lines import FAULT, IDLE, SENT, Line, Scene


def test_fault_63_an_idle_connection_is_closed_politely() -> None:
    line, second = Line(SENT), Line(SENT)
    scene = Scene(line, second)

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


def test_fault_63_an_idle_connection_is_closed_however_often_its_sender_looks_for_work_in_vain() -> None:
    line = Line(SENT)
    scene = Scene(line)

    async def work() -> None:
        sending = asyncio.create_task(scene.sender.run())
        scene.put(1)
        for _ in range(int(IDLE)):
            assert line.ended == ""
            await asyncio.sleep(1)
            scene.tray.stir()  # as the loop does at each of its turns
        await asyncio.sleep(1)
        assert line.ended == "quit"
        scene.tray.close()
        await sending

    run(work())


def test_fault_63_a_connection_is_asked_after_a_silence_and_replaced_where_it_does_not_answer() -> None:
    line, second = Line(SENT, SENT, SENT), Line(SENT)
    scene = Scene(line, second)

    async def work() -> list[int]:
        sending = asyncio.create_task(scene.sender.run())
        asked = []
        for silence in (1.0, QUIET - 1, QUIET + 1, QUIET + 1):
            scene.put(1)
            await asyncio.sleep(silence)
            asked.append(line.pinged)
            line.forgotten = len(asked) == 3
        scene.tray.close()
        await sending
        return asked

    assert run(work()) == [0, 0, 0, 1]
    assert (line.sent, second.sent, line.ended, len(scene.opened)) == (3, 1, "quit", 2)


def test_a_relay_that_leaves_before_a_mail_can_begin_is_not_called_in_a_loop() -> None:
    gone = Line()
    gone.usable, gone.fault = False, FAULT
    mute = Line()
    mute.usable = False
    scene = Scene(gone, mute, Line(SENT, SENT))
    assert scene.send(2) == [SENT, SENT]
    assert scene.opened == [0.0, 1.0, 3.0]
    assert [
        FAULT.reason,
        "relay mx: idle between mails: the relay spoke unasked, or left, before a mail could begin",
    ] == [fault.reason for fault in scene.met]


def test_one_mail_makes_one_connection_however_many_senders_wait() -> None:
    scene = Scene(Line(SENT), Line(SENT), Line(SENT))

    async def work() -> None:
        others = [scene.another() for _ in range(3)]
        sending = [asyncio.create_task(one.run()) for one in (scene.sender, *others)]
        await asyncio.sleep(1)
        scene.put(1)
        await asyncio.sleep(1)
        scene.tray.close()
        await asyncio.gather(*sending)

    run(work())
    assert len(scene.opened) == 1
    assert [ids for ids, _ in scene.delivered] == [[1]]


def test_a_sender_that_is_connected_takes_the_next_mail() -> None:
    line = Line(SENT, SENT)
    scene = Scene(line, Line(SENT))

    async def work() -> None:
        other = scene.another()
        sending = [asyncio.create_task(one.run()) for one in (other, scene.sender)]
        for _ in range(2):
            await asyncio.sleep(1)
            scene.put(1)
        await asyncio.sleep(1)
        scene.tray.close()
        await asyncio.gather(*sending)

    run(work())
    assert len(scene.opened) == 1
    assert len(scene.delivered) == 2


def test_a_connected_sender_takes_a_mail_while_another_still_dials() -> None:
    scene = Scene(None, Line(SENT, SENT, SENT))

    async def work() -> None:
        other = scene.another()
        sending = [asyncio.create_task(one.run()) for one in (scene.sender, other)]
        await asyncio.sleep(1)
        for count in (2, 1):
            scene.put(count)
            await asyncio.sleep(1)
        assert len(scene.delivered) == 3
        scene.tray.close()
        await asyncio.gather(*sending)

    run(work())
    assert [verdicts for _, verdicts in scene.delivered] == [[SENT]] * 3
