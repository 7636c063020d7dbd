"""A claim whose answer was lost leaves nothing behind that nobody knows of."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import OperationalError

from outbox.store.moves import Claim
from outbox.store.queue import Queue
from tests.support.daemon import application
from tests.support.inside import daemon_inside
from tests.support.ledger import LedgerSink


def test_fault_17_an_idle_daemon_gives_back_what_a_claim_took_whose_answer_was_lost(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = Queue.claim
    lost: list[Claim] = []

    def losing(queue: Queue, holder: UUID, limit: int, **kinds: Any) -> list[Claim]:
        claims = claim(queue, holder, limit, **kinds)
        if claims and not lost:
            lost.extend(claims)
            raise OperationalError("COMMIT", {}, Exception("the answer was lost"))
        return claims

    monkeypatch.setattr(Queue, "claim", losing)
    with application(sqlite_url) as app, LedgerSink() as sink:
        with daemon_inside(sqlite_url, sink.port) as inside:
            app.enqueue(1)
            app.wait_sent(1, timeout=20)
            inside.drain()
        assert len(lost) == 1
        assert app.scalar("SELECT fence FROM outbox_delivery") == 2
