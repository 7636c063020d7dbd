"""Many at work in one database at the same moment."""

import threading
from collections.abc import Callable


def at_once(*works: Callable[[], None]) -> None:
    """Run each work on a thread of its own, all from the same moment, and raise what any of them raised."""
    together = threading.Barrier(len(works))
    faults: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            together.wait(30)
            work()
        except BaseException as fault:  # noqa: BLE001 - raised again below, on the test's own thread
            faults.append(fault)

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
