"""How far applications go while the queue is kept short."""

import threading

from bench.customers import Flow
from bench.shop import shop
from tests.support.waiting import wait_until


def test_an_application_commits_what_is_allowed_and_then_waits() -> None:
    flow = Flow()
    flow.allow(5)
    with shop("sqlite") as opened:
        connection = threading.Thread(target=flow.serve, args=(opened, 3))
        connection.start()
        try:
            wait_until(lambda: flow.waited > 0, "the application waits")
        finally:
            flow.stop()
            connection.join()
    assert (flow.committed, len(flow.milliseconds)) == (5, 5)
