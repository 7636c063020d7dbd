"""A database behind a network that a test cuts behind one byte after another."""

import os
from collections.abc import Callable
from contextlib import suppress
from random import Random

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from outbox.store.database import Database
from outbox.store.grants import Role
from tests.contract.scene import Scene
from tests.support.database_proxy import DatabaseProxy
from tests.support.proxy_link import Way
from tests.support.users import as_role

SAMPLE = int(os.environ.get("OUTBOX_TEST_BYTES", "20"))
"""Bytes of each direction behind which a connection is cut; 0 takes all."""

SILENCE = 1.0

Errand = Callable[[], None]
"""Comes to its end through every fault, and checks it."""


class Line:
    """A database as a test has it, and through a network in the test's hands."""

    def __init__(self, url: str, proxy: DatabaseProxy) -> None:
        self.near = Scene(url)
        self.proxy = proxy
        self.far = Database(as_role(proxy.url(), Role.DAEMON), SILENCE)
        self.application = create_engine(as_role(proxy.url(), Role.CONTROL))

    def cut_everywhere(self, way: Way, prepare: Callable[[], Errand]) -> None:
        """Run errands, the first two in peace, and each of the others with a cut behind another byte."""
        for _ in range(2):  # a connection's first errand says more
            errand = self._ready(prepare)
            self.proxy.mark()
            errand()
        positions = _positions(self.proxy.carried(way))
        struck = 0
        for position in positions:
            errand = self._ready(prepare)
            cut = self.proxy.cut_after(way, position)
            errand()
            self.proxy.disarm()
            struck += cut.struck.is_set()
        # The times in an answer have not always as many digits, so its last bytes may be missing.
        assert struck > 0.9 * len(positions)

    def _ready(self, prepare: Callable[[], Errand]) -> Errand:
        """Prepare an errand, and have its connection open before it begins."""
        errand = prepare()
        for engine in (self.far.engine, self.application):
            with suppress(DBAPIError):
                _greet(engine)
            _greet(engine)
        return errand

    def close(self) -> None:
        """Close every connection."""
        self.near.close()
        self.far.close()
        self.application.dispose()


def _greet(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))


def _positions(whole: int) -> list[int]:
    every = range(whole + 1)
    if not SAMPLE or len(every) <= SAMPLE:
        return list(every)
    # The COMMIT and its answer stand at the end.
    return sorted({*Random(whole).sample(every, SAMPLE), whole - 1, whole})
