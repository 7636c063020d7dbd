"""As many threads speak to the database as a daemon may have connections, so that none waits for one."""

from outbox.store.dialects.plain import POOL
from outbox.worker.threads import Threads

HEARTBEAT, DUTIES = 1, 5


def test_there_is_a_connection_for_each_thread_and_no_more() -> None:
    threads = Threads()
    assert threads._pool._max_workers + HEARTBEAT + DUTIES == POOL["pool_size"] + POOL["max_overflow"]
    threads.close()
