"""A call that is interrupted from outside ends itself and nobody else's connection."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from outbox.store.call import GRACE, LOOKS, Call
from tests.support.waiting import wait_until


class Dialect:
    """Notes what is cancelled, and says the numbers of `sockets` in turn, the last for ever."""

    def __init__(self, *sockets: socket.socket) -> None:
        self.cancelled: list[object] = []
        self._sockets = list(sockets)

    def cancel(self, driver: object) -> None:
        self.cancelled.append(driver)

    def descriptor(self, _driver: object) -> int:
        chosen = self._sockets.pop(0) if len(self._sockets) > 1 else self._sockets[0]
        return chosen.fileno()


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Give both ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname(), timeout=10)
        theirs, _ = listener.accept()
    theirs.settimeout(10)
    with ours, theirs:
        yield ours, theirs


def _call(dialect: Dialect) -> Call:
    like: Any = dialect
    call = Call(like)
    call.begins("driver")
    return call


def _look(call: Call, times: int) -> None:
    for _ in range(times):
        call.look()


def _hear(end: socket.socket, size: int) -> None:
    while size > 0:
        size -= len(end.recv(100_000))


def test_the_server_is_asked_first_and_its_socket_shut_only_after_the_time_that_it_has_for_that(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = ends
    dialect = Dialect(ours)
    call = _call(dialect)
    _look(call, 1 + LOOKS - 1)  # the first one only counts the bytes
    assert not call.interrupted
    _look(call, 1)
    assert call.interrupted
    wait_until(lambda: dialect.cancelled == ["driver"], "the server is asked")
    _look(call, GRACE - 1)
    ours.sendall(b"still open")
    assert theirs.recv(100) == b"still open"
    _look(call, 1)
    assert ours.recv(1) == b""


def test_what_an_interrupted_call_has_not_said_yet_never_leaves(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = ends
    call = _call(Dialect(ours))
    ours.settimeout(0)
    said = 0
    while True:
        try:
            said += ours.send(b"x" * 100_000)
        except BlockingIOError:
            break
    _look(call, 1 + LOOKS + GRACE)
    ours.close()
    with pytest.raises(ConnectionResetError):
        _hear(theirs, said)


def test_a_number_that_has_become_anothers_socket_is_left_alone(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    mail, relay = ends
    with socket.socket() as closed:
        call = _call(Dialect(*[mail, closed] * (LOOKS + GRACE)))
        _look(call, LOOKS + GRACE)
    assert call.interrupted
    mail.sendall(b"MAIL FROM:<>")
    assert relay.recv(100) == b"MAIL FROM:<>"


def test_a_call_that_has_ended_is_not_interrupted_any_more(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = ends
    dialect = Dialect(ours)
    call = _call(dialect)
    _look(call, LOOKS)
    call.ends()
    _look(call, LOOKS + GRACE)
    assert not call.interrupted
    ours.sendall(b"the next one's")
    assert theirs.recv(100) == b"the next one's"


def test_a_commit_is_never_asked_back_nor_begun_after_that(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, _ = ends
    late = _call(Dialect(ours))
    _look(late, 1 + LOOKS)
    with pytest.raises(OperationalError):
        late.commits()
    dialect = Dialect(ours)
    committing = _call(dialect)
    committing.commits()
    _look(committing, 1 + LOOKS)
    assert ours.recv(1) == b""
    assert dialect.cancelled == []
