"""Fill the disk of the journals and free it, and kill daemons meanwhile."""

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.lab.closing import reconciled, wait_drained
from tests.lab.fleet import Fleet, fleet
from tests.lab.oracle import Kill
from tests.lab.places import fresh
from tests.lab.result import Result
from tests.lab.shop import Shop
from tests.support.daemon import Application, application
from tests.support.ledger import LedgerSink
from tests.support.small_disk import SmallDisk, small_disk
from tests.support.waiting import wait_until

_SLOWNESS = 0.03
"""Seconds that the relay takes for a mail, as real ones do: else a kill would seldom meet any."""

_SIZE = 16 * 1024
"""Kilobytes of the disk: what a run writes has room, until it is filled."""

_LONGEST = 12.0
"""Seconds for which the disk is free, at most: more than those after which a journal is tried again."""

_MOST = 200
"""Recipients that arrive before it is filled, and before it is freed, at most."""

_MEANWHILE = 20
"""Recipients that must arrive while it is full, after the daemons have said so."""


def drive(
    database: str, *, cycles: int, seed: int, folder: Path, size: int = 2, longest: float = _LONGEST
) -> Result:
    """Fill and free the disk `cycles` times; drain, and reconcile."""
    random = Random(seed)
    with (
        fresh(database, folder) as url,
        application(url) as app,
        LedgerSink(delay=_SLOWNESS) as sink,
        small_disk(folder / "small", _SIZE) as disk,
    ):
        shop = Shop(app, Random(seed), lambda: len(sink.entries()))
        with fleet(url, folder, port=sink.port, size=size, lease_ttl=3, journals=disk.place) as daemons:
            filling = _Filling(disk, daemons, app, sink, random, folder)
            with shop:
                kills = [kill for _ in range(cycles) for kill in filling.once(longest)]
            wait_drained(app)
            codes = daemons.terminate()
        account = reconciled(shop, sink, app.engine, folder, kills)
    failures = [f"a daemon ended with code {code}" for code in codes if code]
    figures = (
        f"{cycles} times full, told {_told(folder)} times, written again {_told(folder, 'is written again')} "
        f"times, {len(kills)} kills of {size} daemons, {account.figures} of {sum(account.unrecorded)} dots "
        f"unrecorded at the kills"
    )
    return Result("fill", database, seed, figures, (*account.broken, *failures))


class _Filling:
    """Fills the disk of these daemons, at moments that `random` chooses."""

    def __init__(
        self,
        disk: SmallDisk,
        daemons: Fleet,
        app: Application,
        sink: LedgerSink,
        random: Random,
        folder: Path,
    ) -> None:
        self._disk = disk
        self._daemons = daemons
        self._app = app
        self._sink = sink
        self._random = random
        self._folder = folder

    def once(self, longest: float) -> Iterator[Kill]:
        """Fill it, see mail go on, free it for `longest` seconds at most; yield what is killed meanwhile."""
        self._wait_arrived(self._random.randint(1, _MOST))
        told = _told(self._folder)
        self._disk.fill()
        yield from self._kill_perhaps()
        wait_until(lambda: _told(self._folder) > told, "a daemon says that the disk is full")
        self._wait_arrived(_MEANWHILE)
        yield from self._kill_perhaps()
        self._wait_arrived(self._random.randint(1, _MOST))
        self._disk.free()
        end = time.monotonic() + self._random.uniform(0, longest)
        yield from self._kill_perhaps()
        wait_until(lambda: time.monotonic() > end, "it was free for long enough")

    def _kill_perhaps(self) -> Iterator[Kill]:
        if self._random.random() < 1 / 2:
            yield self._daemons.kill(self._daemons.any(self._random), self._app.engine)

    def _wait_arrived(self, count: int) -> None:
        self._sink.wait_entries(len(self._sink.entries()) + count)


def _told(folder: Path, words: str = "No space left on device") -> int:
    """Count what the daemons have said so."""
    return sum(log.read_text().count(words) for log in folder.glob("daemon-*.log"))
