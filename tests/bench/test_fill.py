"""What the database fills in by itself is what a claim finds there."""

from uuid import uuid4

from bench.fill import Filler
from bench.shop import shop
from outbox.store.database import Database
from outbox.store.queue import Queue


def test_a_claim_finds_what_waits_and_nothing_that_was_sent_or_put_off() -> None:
    with shop("sqlite") as opened:
        filler = Filler(opened.engine, "sqlite")
        filler.sent(30)
        filler.deferred(20)
        filler.waiting(10)
        database = Database(opened.url)
        try:
            queue = Queue(database)
            claims = queue.claim(uuid4(), 100)
            counts = {status.value: count for status, count in queue.counts().items()}
        finally:
            database.close()
    assert [claim.delivery_id for claim in claims] == list(range(51, 61))
    assert counts == {"sent": 30, "pending": 20, "sending": 10}
