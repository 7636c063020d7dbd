"""The courier, its thread run by the test itself: it begins when it is woken, and ends with its work."""

import threading
from collections.abc import Callable

import pytest

from outbox.integrations.logging.courier import Courier, _turns, start_thread

Work = Callable[[], None]


def test_turns_are_taken_until_there_is_nothing_to_wait_for() -> None:
    lock, started = threading.RLock(), list[Work]()
    delays = iter([0.0, 0.001, None, None])
    taken: list[float | None] = []

    def turn() -> float | None:
        taken.append(next(delays))
        return taken[-1]

    courier = Courier(lock, turn, started.append)
    with lock:
        courier.wake()
        courier.wake()
    assert len(started) == 1
    started.pop()()
    assert taken == [0.0, 0.001, None]
    with lock:
        courier.wake()
    started.pop()()
    assert taken == [0.0, 0.001, None, None]


def test_who_is_woken_during_a_turn_takes_another() -> None:
    lock, started = threading.RLock(), list[Work]()
    taken = []

    def turn() -> float | None:
        taken.append(1)
        if len(taken) == 1:
            with lock:
                courier.wake()
        return None

    courier = Courier(lock, turn, started.append)
    with lock:
        courier.wake()
    started.pop()()
    assert (len(taken), started) == (2, [])


def test_a_turn_that_raises_ends_the_thread_and_the_next_call_starts_another() -> None:
    lock, started = threading.RLock(), list[Work]()

    def turn() -> float | None:
        raise ValueError("no")

    courier = Courier(lock, turn, started.append)
    for _ in range(2):
        with lock:
            courier.wake()
        with pytest.raises(ValueError, match="no"):
            started.pop()()


def test_where_no_thread_can_start_the_turn_is_taken_at_once() -> None:
    lock, taken = threading.RLock(), []

    def turn() -> float | None:
        taken.append(1)
        return 60.0

    def start(_: Work) -> None:
        raise RuntimeError("can't start new thread at interpreter shutdown")

    courier = Courier(lock, turn, start)
    with lock:
        courier.wake()
        courier.wake()
        courier.wait_until(lambda: len(taken) == 2, 0)
        with pytest.raises(TimeoutError, match="not done within 0 s"):
            courier.wait_until(lambda: False, 0)


def test_a_fork_waits_for_the_end_of_a_turn() -> None:
    lock, began, may_end = threading.RLock(), threading.Event(), threading.Event()
    order: list[str] = []

    def turn() -> float | None:
        began.set()
        assert may_end.wait(20)
        order.append("turn")
        return None

    courier = Courier(lock, turn, start_thread)
    with lock:
        courier.wake()
    assert began.wait(20)

    def fork() -> None:
        _turns.before_fork()
        order.append("fork")
        _turns.after_in_parent()

    forking = threading.Thread(target=fork)
    forking.start()
    may_end.set()
    forking.join(20)
    assert order == ["turn", "fork"]
