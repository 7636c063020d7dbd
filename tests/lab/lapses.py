"""What the drivers of a database that goes back in time have in common: look, wait, ask a person, count."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import text

from tests.lab.oracle import Forgotten, Key
from tests.lab.shop import Shop
from tests.support.calling import CHECKOUT, OUTBOX
from tests.support.daemon import Application
from tests.support.ledger import LedgerSink
from tests.support.waiting import wait_until

_LIVING = "SELECT id FROM outbox_session WHERE state IN ('running', 'stopping')"
_KNOWN = "SELECT id FROM outbox_session"
_ANSWERED = (
    "SELECT count(*) FROM outbox_session s JOIN outbox_meta m ON s.epoch = m.epoch WHERE s.state = 'running'"
)
_RECORDED = re.compile(r"(\d+) deliveries that had come back are recorded as sent")


LEASE = 10.0
"""Seconds for which others wait for a daemon that is away; a journal that comes later comes too late."""

_NEW = 50
"""Mails that an application enqueues as soon as it is back."""


class Lapses:
    """Each time that the database of `app`, which is at `url`, went back, and what it has forgotten."""

    def __init__(self, app: Application, shop: Shop, sink: LedgerSink, url: str) -> None:
        self._app = app
        self._shop = shop
        self._sink = sink
        self._url = url
        self._before: set[object] = set()
        self._sessions: set[object] = set()
        self.unknown: set[object] = set()
        self.gone: set[Key] = set()
        self.asked = 0
        self.broken: list[str] = []

    @property
    def forgotten(self) -> Forgotten:
        """What the oracle must know."""
        return Forgotten(self.gone, self._sessions)

    def approach(self) -> None:
        """See who sends, just before the database goes."""
        self._before = self._ids(_LIVING)

    def look(self) -> None:
        """See what is forgotten, when the database is back."""
        self._app.reconnect()
        self.unknown = self._before - self._ids(_KNOWN)
        self._sessions |= self._ids(_LIVING)
        # Whatever became of the last COMMIT: where it is not there, it is gone, and may have been sent.
        self._shop.committed |= self._shop.committing
        self._shop.committing = {}
        self.gone = self._shop.committed.keys() - self._app.committed().keys()

    def resume(self, pids: Sequence[int]) -> bool:
        """Enqueue new mail and see some go, after a person's word where one is asked; tell whether one was.

        `pids` are those of the daemons. To be called at once: the application comes back before they do, and
        gets ids that have been given before.
        """
        old = set(self._shop.committed)
        self._shop.trade(_NEW)
        new = self._shop.committed.keys() - old
        wait_until(lambda: self._waits or self._went(new), "the lapse is found, or mail goes", 60)
        asked = self._waits
        if asked:
            self.asked += 1
            self._confirm(pids)
            wait_until(lambda: self._went(new), "mail goes after the person's word", 60)
        elif self.unknown:
            self.broken.append("nobody was asked, though the database knew not all sessions")
        return asked

    def _confirm(self, pids: Sequence[int]) -> None:
        """Say so by the command, when every daemon has read its journals; until then nothing may go."""
        wait_until(lambda: self._app.scalar(_ANSWERED) == len(pids), "all have read their journals", 60)
        heard = len(self._sink.wait_quiet())
        for pid in pids:
            self._app.wait_beats(pid, 2)
        if early := len(self._sink.entries()) - heard:
            self.broken.append(f"{early} recipients went before a person had said so")
        command = [*OUTBOX, "db", "confirm-restore", "--yes", "--database-url", self._url]
        subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True)

    @property
    def _waits(self) -> bool:
        return bool(self._app.scalar("SELECT count(*) FROM outbox_meta WHERE restored_at IS NOT NULL"))

    def _went(self, keys: set[Key]) -> bool:
        return not keys.isdisjoint((entry.message_id, entry.recipient) for entry in self._sink.entries())

    def _ids(self, sql: str) -> set[object]:
        with self._app.engine.connect() as connection:
            return set(connection.execute(text(sql)).scalars())


def recorded_again(folder: Path) -> int:
    """Return how many deliveries the daemons whose logs are in `folder` knew as sent and recorded again."""
    logs = (log.read_text() for log in folder.glob("daemon-*.log"))
    return sum(int(each) for log in logs for each in _RECORDED.findall(log))
