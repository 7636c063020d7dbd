"""What one daemon has met at a relay all others do by, and what they have met is done here."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import OperationalError

from outbox.delivery.breaker import PROBE, Breaker, News
from outbox.store.breakers import Shared
from outbox.worker.valve import Valve
from tests.unit.worker.held import NoThreads, run

ME = uuid4()


class Rows:
    """Stands in for the gates: notes what is written, and is read as a test tells it."""

    def __init__(self) -> None:
        self.written: list[tuple[Any, ...]] = []
        self.shared = Shared()
        self.is_free = True
        self.is_closed = True
        self.failing = False

    def read(self, _relay: str) -> Shared:
        return self.shared

    def open(self, relay: str, wait: float, *, seen: int) -> bool:
        self._write("open", relay, wait, seen)
        return self.is_closed

    def failed(self, relay: str, me: UUID, wait: float) -> None:
        self._write("failed", relay, me, wait)

    def close(self, relay: str, *, seen: int) -> None:
        self._write("close", relay, seen)

    def forget(self, relay: str) -> None:
        self._write("forget", relay)

    def leave(self, relay: str, me: UUID) -> None:
        self._write("leave", relay, me)

    def probe(self, relay: str, me: UUID, lease: float) -> bool:
        self._write("probe", relay, me, lease)
        return self.is_free

    def _write(self, *what: Any) -> None:
        if self.failing:
            raise OperationalError("UPDATE", {}, Exception("gone away"))
        self.written.append(what)


class Scene:
    """A valve of a relay `mx` with one connection."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.changes = 0
        self.breaker = Breaker(1)
        rows: Any = self.rows
        threads: Any = NoThreads()
        self.valve = Valve("mx", self.breaker, rows, threads, self._changed)

    def _changed(self) -> None:
        self.changes += 1

    async def tell(self, **shared: Any) -> None:
        """Tell the news, after which the row says this."""
        self.rows.shared = Shared(**shared)
        await self.valve.tell(ME)


def test_who_has_no_news_writes_and_reads_nothing() -> None:
    scene = Scene()
    run(scene.tell(open_for=9.0))
    assert (scene.rows.written, scene.breaker.is_open) == ([], False)


def test_each_news_is_written_once_by_what_was_seen() -> None:
    async def work() -> list[tuple[Any, ...]]:
        scene = Scene()
        scene.breaker.fault(0.0, 0.5)
        await scene.tell(open_for=1.0, waits=1)
        await scene.tell(open_for=1.0, waits=1)
        await asyncio.sleep(2)
        assert await scene.valve.probe(ME)
        scene.breaker.fault(2.0, 0.5)
        await scene.tell(open_for=2.0, waits=2)
        scene.breaker.judged()
        await scene.tell(waits=2)
        scene.breaker.judged()
        await scene.tell()
        return scene.rows.written

    assert run(work()) == [
        ("open", "mx", 1.0, 0),
        ("probe", "mx", ME, PROBE),
        ("failed", "mx", ME, 2.0),
        ("close", "mx", 2),
        ("forget", "mx"),
    ]


def test_news_wait_for_a_database_that_is_away_and_nothing_older_is_heard() -> None:
    async def work() -> None:
        scene = Scene()
        scene.rows.failing = True
        scene.breaker.fault(0.0, 0.5)
        with pytest.raises(OperationalError):
            await scene.tell()
        scene.valve.hear(Shared(), 1.0)
        assert (scene.breaker.is_open, scene.breaker.news) == (True, News.OPENED)
        scene.rows.failing = False
        await scene.tell(open_for=30.0, waits=1)
        assert (scene.breaker.news, scene.breaker.wait(0.0)) == (None, 30.0)

    run(work())


def test_what_was_read_before_we_wrote_is_no_news() -> None:
    async def work() -> None:
        scene = Scene()
        await asyncio.sleep(5)
        scene.breaker.fault(5.0, 0.5)
        await scene.tell(open_for=30.0, waits=1)
        scene.valve.hear(Shared(), 4.0)
        assert scene.breaker.is_open
        scene.valve.hear(Shared(), 6.0)
        assert not scene.breaker.is_open

    run(work())


def test_what_others_change_is_done_here_once() -> None:
    async def work() -> None:
        scene = Scene()
        for _ in range(2):
            scene.valve.hear(Shared(open_for=30.0, waits=4), 0.0)
        assert (scene.breaker.is_open, scene.breaker.waits, scene.changes) == (True, 4, 1)
        for _ in range(2):
            scene.valve.hear(Shared(waits=4), 0.0)
        assert (scene.breaker.is_open, scene.changes) == (False, 2)

    run(work())


@pytest.mark.parametrize(("is_closed", "news"), [(True, None), (False, News.OPENED)])
def test_only_who_has_opened_it_for_all_goes_alone_when_others_close_it(
    *, is_closed: bool, news: News | None
) -> None:
    async def work() -> None:
        scene = Scene()
        scene.rows.is_closed = is_closed
        scene.breaker.fault(0.0, 0.5)
        await scene.tell(waits=3)
        assert not scene.breaker.is_open
        scene.breaker.fault(1.0, 0.5)
        assert scene.breaker.news is news

    run(work())


def test_a_probe_that_is_over_is_asked_for_again() -> None:
    async def work() -> None:
        scene = Scene()
        scene.valve.hear(Shared(open_for=0.0, waits=1), 0.0)
        await scene.valve.probe(ME)
        await asyncio.sleep(PROBE)
        assert scene.breaker.width(PROBE) == 0
        await scene.valve.probe(ME)
        assert (scene.breaker.width(PROBE), len(scene.rows.written)) == (1, 2)

    run(work())


def test_nobody_asks_for_a_probe_that_another_daemon_has() -> None:
    async def work() -> None:
        scene = Scene()
        scene.rows.is_free = False
        scene.rows.shared = Shared(open_for=-1.0, waits=1, probe_for=45.0, prober=uuid4())
        scene.valve.hear(Shared(open_for=0.0, waits=1), 0.0)
        assert [await scene.valve.probe(ME) for _ in range(3)] == [False] * 3
        assert len(scene.rows.written) == 1
        await asyncio.sleep(46)
        scene.rows.is_free = True
        assert await scene.valve.probe(ME)

    run(work())


def test_a_probe_that_is_left_may_be_had_again() -> None:
    async def work() -> None:
        scene = Scene()
        scene.rows.shared = Shared(open_for=0.0, waits=1)
        scene.valve.hear(scene.rows.shared, 0.0)
        await scene.valve.probe(ME)
        await scene.valve.leave(ME)
        assert scene.breaker.may_ask(0.0)
        assert scene.rows.written[-1] == ("leave", "mx", ME)

    run(work())


def test_a_probe_is_left_for_the_others_when_the_database_is_back() -> None:
    async def work() -> None:
        scene = Scene()
        scene.rows.shared = Shared(open_for=0.0, waits=1)
        scene.valve.hear(scene.rows.shared, 0.0)
        await scene.valve.probe(ME)
        scene.rows.failing = True
        with pytest.raises(OperationalError):
            await scene.valve.leave(ME)
        assert scene.breaker.width(0.0) == 0
        scene.rows.failing = False
        await scene.valve.tell(ME)
        assert scene.rows.written[-1] == ("leave", "mx", ME)

    run(work())


def test_who_has_no_probe_leaves_none_and_so_writes_nothing_when_idle() -> None:
    async def work() -> None:
        scene = Scene()
        scene.valve.hear(Shared(open_for=5.0, waits=1), 0.0)
        await scene.valve.leave(ME)
        assert scene.rows.written == []

    run(work())
