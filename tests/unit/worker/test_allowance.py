"""What a limit does not let go waits for tokens; nobody else waits, or borrows more than can be sent."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeVar

import pytest

from outbox.mail.rate import BORROWED, Demand, Limit
from outbox.worker.purse import SPACING
from tests.unit.worker.borrowing import BULK, MX, Scene, filled
from tests.unit.worker.held import NoThreads, claim, parcel, run

T = TypeVar("T")


def test_a_gate_without_a_limit_costs_nothing() -> None:
    scene = Scene(bulk=Limit(1.0))
    assert scene.during(5, filled(scene, *["free"] * 100)).recipients == 100
    assert scene.buckets.asked == []


def test_who_has_nothing_to_send_asks_for_nothing() -> None:
    assert Scene(Limit(5.0)).during(100).buckets.asked == []


@pytest.mark.parametrize("rate", [2.0, 14.0, 50.0, 400.0])
def test_a_rate_is_kept_and_used(rate: float) -> None:
    scene = Scene(Limit(rate))
    scene.during(10, filled(scene, *["free"] * int(rate * 11)))
    assert scene.recipients == pytest.approx(rate * 10, rel=0.05, abs=2)
    times = [at for at, _ in scene.sent]
    for first in times[:: len(times) // 20]:
        assert sum(first <= at < first + 1 for at in times) <= 1.2 * rate + 1


def test_a_parcel_takes_a_token_for_each_recipient() -> None:
    scene = Scene(Limit(50.0))
    scene.during(10, filled(scene, *["free"] * 200, size=5))
    assert scene.recipients == pytest.approx(500, rel=0.05)


def test_a_stream_without_tokens_stands_in_nobodys_way() -> None:
    scene = Scene(bulk=Limit(1.0))
    scene.during(0.01, filled(scene, *["bulk"] * 50, *["free"] * 50))
    assert scene.recipients == 51


def test_a_parcel_of_two_limits_needs_both() -> None:
    scene = Scene(Limit(1000.0), bulk=Limit(5.0))
    scene.during(10, filled(scene, *["bulk"] * 100))
    assert scene.recipients == pytest.approx(50, abs=2)
    assert all(BULK in asked for _, asked in scene.buckets.asked)


class Slow(NoThreads):
    """Lets each answer of the database take 15 ms."""

    async def run(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        await asyncio.sleep(0.015)
        return await super().run(work, *args, **kwargs)


def test_no_sender_waits_for_tokens_because_those_that_it_had_are_void() -> None:
    scene = Scene(Limit(100_000.0), threads=Slow())
    times: list[float] = []

    async def send(mails: int, pause: float) -> None:
        for _ in range(mails):
            while scene.tray.take() is None:
                await scene.tray.changed()
            times.append(asyncio.get_running_loop().time())
            await asyncio.sleep(pause)

    async def work() -> None:
        scene.put(*["free"] * 2000)
        borrowing = asyncio.create_task(scene.allowance.run())
        # Each second another pace: what was borrowed for the one is void before the other has used it.
        for pause in (0.001, 0.004, 0.002):
            await send(int(1 / pause), pause)
        borrowing.cancel()

    run(work())
    # At first it borrows little, as it cannot know how many go.
    assert max(later - at for at, later in pairwise(times) if at > 0.2) <= 0.0041


def test_each_gate_is_asked_for_what_waits_of_it_and_of_no_other() -> None:
    scene = Scene(Limit(1000.0), senders=9, bulk=Limit(1000.0))

    async def work() -> None:
        for stream, size in (("bulk", 2), ("bulk", 2), ("free", 3), ("bulk", 5)):
            scene.tray.put([parcel(*(claim(n, stream=stream) for n in range(size)))])
        borrowing = asyncio.create_task(scene.allowance.run())
        await scene.tray.changed()
        borrowing.cancel()

    run(work())
    assert [asked for _, asked in scene.buckets.asked] == [{MX: Demand(2, 12), BULK: Demand(2, 9)}]


def test_what_was_borrowed_and_not_used_in_time_is_void() -> None:
    scene = Scene(Limit(50.0))
    one = parcel()

    async def work() -> None:
        scene.tray.put([one])
        await asyncio.sleep(0.01)
        assert scene.allowance.lets(one.kind)
        await asyncio.sleep(BORROWED)
        assert not scene.allowance.lets(one.kind)

    async def alone() -> None:
        task = asyncio.create_task(scene.allowance.run())
        await work()
        task.cancel()

    run(alone())


def test_nobody_borrows_more_often_than_every_twentieth_of_a_second_or_more_than_the_senders_can_use() -> (
    None
):
    scene = Scene(Limit(10_000.0), senders=3)
    scene.during(1, filled(scene, *["free"] * 200))
    times = [at for at, _ in scene.buckets.asked]
    assert all(later - at >= SPACING - 1e-9 for at, later in pairwise(times))
    # By how fast they have gone, for as long as what is borrowed is good, and of what is left some to spare.
    asked = [asked[MX] for _, asked in scene.buckets.asked][:4]
    assert [each.most + each.coming for each in asked] == [3, 22, 165, 908]
    assert [each.most for each in asked] == [3, 15, 110, 10]


def test_of_a_quota_nothing_is_borrowed_for_mail_that_has_not_come() -> None:
    scene = Scene(Limit(10_000.0, quota=1_000_000), senders=3)
    scene.during(1, filled(scene, *["free"] * 200))
    assert [asked[MX].most for _, asked in scene.buckets.asked][:4] == [3, 15, 75, 107]


def test_a_spent_quota_gives_back_what_is_in_hand_and_claims_no_more() -> None:
    scene = Scene(Limit(quota=10))
    scene.during(5, filled(scene, *["free"] * 30))
    assert (scene.recipients, scene.given_back) == (10, ["the quota of relay mx"])
    assert scene.tray.ready == 0

    async def work() -> None:
        assert scene.allowance.relay_room(0) == 0

    run(work())


def test_what_comes_after_the_quota_was_spent_is_given_back_at_once() -> None:
    scene = Scene(Limit(quota=10))

    async def work() -> None:
        scene.put(*["free"] * 11)
        await asyncio.sleep(1)
        scene.put("free")
        await asyncio.sleep(1)

    scene.during(0, work())
    assert (scene.recipients, scene.tray.ready) == (10, 0)
    assert scene.given_back == ["the quota of relay mx"] * 2


def test_of_what_must_wait_for_long_nothing_is_claimed_again_although_there_are_tokens_for_a_part() -> None:
    scene = Scene(Limit(0.1, burst=10))

    async def work() -> None:
        scene.put(*["free"] * 2, size=8)
        await asyncio.sleep(1)
        assert (scene.recipients, scene.tray.ready, scene.given_back) == (8, 0, ["the rate of relay mx"])
        assert scene.allowance.relay_room(0) == 0
        await asyncio.sleep(60)
        assert scene.allowance.relay_room(0) == 8

    scene.during(0, work())


def test_a_database_that_is_away_is_asked_again_and_nothing_goes_meanwhile() -> None:
    scene = Scene(Limit(50.0))
    scene.buckets.failing = True

    async def work() -> None:
        scene.put(*["free"] * 5)
        await asyncio.sleep(10)
        assert scene.recipients == 0
        scene.buckets.failing = False

    assert scene.during(2, work()).recipients == 5


def test_a_relay_that_finds_us_too_fast_has_a_limit_from_then_on() -> None:
    scene = Scene()

    async def work() -> None:
        scene.allowance.slow_down(40.0)
        await asyncio.sleep(1)
        scene.put(*["free"] * 400)

    assert scene.during(10, work()).recipients == pytest.approx(200, rel=0.1)
    assert scene.buckets.slowed == [40.0]


def test_half_a_second_of_a_rate_is_in_hand_and_a_stream_without_a_rate_has_any() -> None:
    async def work() -> None:
        allowance = Scene(Limit(20.0), bulk=Limit(10.0, burst=1)).allowance
        assert [allowance.room("bulk", held) for held in (0, 4, 6, 99)] == [6, 2, 0, 0]
        assert (allowance.room("free", 99), allowance.relay_room(2)) == (None, 10)
        assert [allowance.together(stream) for stream in ("bulk", "free")] == [1, 2]

    run(work())


def test_nobody_uses_what_is_being_given_back() -> None:
    async def work() -> None:
        scene = Scene(Limit(quota=10))
        one = parcel()
        scene.tray.put([one])
        await scene.allowance._turn()
        assert scene.allowance.lets(one.kind)
        scene.tray.empty()
        scene.tray.put([parcel(claim(1), claim(2))])
        await asyncio.sleep(2 * SPACING)
        turn = asyncio.create_task(scene.allowance._turn())
        await asyncio.sleep(0)
        assert not scene.allowance.lets(one.kind)
        await turn
        (*_, (_, asked)) = scene.buckets.asked
        assert asked == {MX: Demand(2, 2, unused=1)}

    run(work())


@pytest.mark.parametrize("rates", [(1.0, 1.0), (1.0, 0.7), (3.0, 2.0), (2.0, 2.0)])
def test_a_mail_of_two_slow_limits_goes_also_where_they_have_their_tokens_at_other_times(
    rates: tuple[float, float],
) -> None:
    scene = Scene(Limit(rates[0]), bulk=Limit(rates[1]))

    async def work() -> None:
        scene.put("free")
        await asyncio.sleep(0.5)
        scene.put(*["bulk"] * 20)

    sent = scene.during(20, work()).recipients
    assert sent >= 0.8 * 20 * min(rates) or sent == 21
    times = [at for at, _ in scene.sent]
    assert all(sum(first <= at < first + 1 for at in times) <= 1.2 * rates[0] + 1 for first in times)


def test_what_another_daemon_left_unused_is_lent_again_only_as_far_as_the_gate_would_hold_it() -> None:
    scene = Scene(Limit(10.0, burst=5))

    async def work() -> None:
        scene.tray.put([parcel(*[claim(n) for n in range(5)])])
        await scene.allowance._turn()
        # Full again since; what was borrowed would have run over.
        for wait, back in ((0.2, 3.0), (1.0, 0.0)):
            await asyncio.sleep(wait)
            await scene.allowance._turn()
            (*_, (_, asked)) = scene.buckets.asked
            assert asked[MX].back == pytest.approx(back)

    run(work())
