"""What is left of a limit is nobody's alone: small parcels have the rest, large ones their turn."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from outbox.mail.rate import Limit
from outbox.mail.status import OnDoubt
from tests.unit.worker.borrowing import Scene, filled
from tests.unit.worker.held import NoThreads, claim, message, parcel, run

T = TypeVar("T")


def test_what_is_left_of_a_quota_is_for_smaller_parcels() -> None:
    scene = Scene(Limit(quota=10))

    async def work() -> None:
        scene.put("free", size=8)
        await asyncio.sleep(1)
        scene.put("free", size=5)
        scene.put("free", "free")
        assert scene.allowance.together("free") == 2

    scene.during(5, work())
    assert [count for _, count in scene.sent] == [8, 1, 1]
    assert scene.given_back == ["it is larger than what is left of the quota of relay mx"]


def test_a_parcel_of_many_that_is_announced_first_has_its_tokens_beside_a_flow_of_others() -> None:
    scene = Scene(Limit(100.0))
    many = parcel(*(claim(1000 + n) for n in range(10)))
    many.message = replace(message(), on_doubt=OnDoubt.HOLD)

    async def work() -> None:
        scene.tray.put([many])
        for _ in range(100):
            scene.put(*["free"] * max(0, 50 - scene.tray.ready))
            await asyncio.sleep(0.05)

    scene.during(0, work())
    assert scene.tray.wanted == [many]


def test_the_room_of_a_stream_may_be_asked_for_on_another_thread() -> None:
    async def work() -> None:
        scene = Scene(bulk=Limit(20.0))
        await scene.allowance._turn()
        assert await asyncio.to_thread(scene.allowance.room, "bulk", 2) == 10

    asyncio.run(work())


def test_a_parcel_of_a_whole_burst_goes_beside_another_daemon_that_takes_each_token_as_it_comes() -> None:
    single, many = Scene(Limit(20.0)), Scene(Limit(20.0))
    many.allowance._buckets = single.allowance._buckets

    async def work() -> None:
        single.put(*["free"] * 150)
        await asyncio.sleep(1)
        many.put(*["free"] * 5, size=2)
        await many.lasting(5)

    single.during(0, work())
    assert many.recipients >= 6
    assert single.recipients >= 60


@pytest.mark.parametrize("seconds", [0.09, 0.2, 2.0])
def test_mail_goes_on_where_the_database_takes_longer_than_what_it_lends_is_good_for(
    seconds: float,
) -> None:
    class Slow(NoThreads):
        async def run(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
            await asyncio.sleep(seconds)
            return await super().run(work, *args, **kwargs)

    scene = Scene(Limit(50.0))
    slow: Any = Slow()
    scene.allowance._threads = slow
    scene.during(20, filled(scene, *["free"] * 1000))
    # By bursts of five.
    assert scene.recipients >= 4 * int(20 / (seconds + 0.1))


def test_an_answer_that_lends_nothing_wakes_no_sender() -> None:
    woken: list[None] = []

    async def work() -> None:
        scene = Scene(Limit(quota=1))
        scene.tray.put([parcel(claim(1), claim(2))])
        scene.allowance._stir = lambda: woken.append(None)
        await scene.allowance._turn()
        scene.tray.put([parcel()])
        await asyncio.sleep(1)
        assert woken == []
        await scene.allowance._turn()

    run(work())
    assert len(woken) == 1
