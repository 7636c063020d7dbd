"""While the breaker is open one mail is claimed at a time, and only if none in hand can try the relay."""

import asyncio
from types import SimpleNamespace
from typing import Any

from outbox.delivery.breaker import FIRST_WAIT
from outbox.delivery.retry import RetryPolicy
from outbox.store.database import Database
from outbox.worker.loop import Daemon
from outbox.worker.notify import Notifier
from outbox.worker.options import Options
from tests.support.sending import relay_at
from tests.unit.worker.held import NoThreads, claim, lease, parcel, run
from tests.unit.worker.supplied import Queue


def probing() -> Any:
    """Return a daemon with a queue of two mails, whose breaker has just opened."""
    options = Options(relay=relay_at(25), policy=RetryPolicy(), connections=2)
    daemon: Any = Daemon(Database("sqlite://"), options, Notifier(None))
    daemon._heartbeat = SimpleNamespace(lease=lease())
    daemon._supply._queue = Queue(claim(1), claim(2))
    daemon._supply._threads = NoThreads()
    for _ in range(2):
        daemon._breaker.fault(0.0, 0.0)
    return daemon


def rooms(*steps: str) -> list[int]:
    """Take these steps when the breaker lets one in; return the room before the first and after each."""

    async def work() -> list[int]:
        daemon = probing()
        await asyncio.sleep(FIRST_WAIT)
        seen = [daemon._room(daemon._now())]
        for step in steps:
            match step:
                case "claimed":
                    await daemon._supply.claim(daemon._heartbeat.lease, 1, 0.0)
                case "loaded":
                    await daemon._supply.load()
                case "taken":
                    assert daemon._tray.enter()
                    assert daemon._tray.take()
                case "silent":
                    daemon._tray.step_aside(parcel())
                case "answered":
                    daemon._tray.step_back()
                case _:
                    daemon._tray.leave()
            seen.append(daemon._room(daemon._now()))
        return seen

    return run(work())


def test_a_probe_is_claimed_when_the_one_before_has_left_also_before_its_verdict_is_written() -> None:
    assert rooms("claimed", "loaded", "taken", "left") == [1, 0, 0, 0, 1]


def test_a_probe_is_claimed_beside_a_mail_whose_answer_is_late() -> None:
    assert rooms("claimed", "loaded", "taken", "silent", "answered", "left") == [1, 0, 0, 0, 1, 0, 1]


def test_beside_a_mail_whose_answer_is_late_there_is_one_probe_at_a_time() -> None:
    late = ["claimed", "loaded", "taken", "silent"]
    assert rooms(*late, "claimed", "loaded", "taken") == [1, 0, 0, 0, 1, 0, 0, 0]
