"""The server for metrics goes on whatever its clients do, and keeps nobody's connection for long."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus
from http.client import HTTPConnection

import pytest

from outbox.metrics import server as under_test
from outbox.metrics.server import MOST, Page, Server, plain
from tests.support.waiting import wait_until


def broken() -> Page:
    raise ZeroDivisionError("oops")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(under_test, "LONGEST", 1.0)
    monkeypatch.setattr(under_test, "_LOOKS", 0.05)
    server = Server("127.0.0.1", 0, {"/ok": lambda: plain(HTTPStatus.OK, "ok"), "/broken": broken})
    yield server
    server.close()


def ask(server: Server, path: str, method: str = "GET") -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.server_port), timeout=20)


def answers(server: Server) -> bool:
    try:
        return ask(server, "/ok") == (200, b"ok\n")
    except OSError:
        return False


def handlers() -> int:
    return sum("process_request_thread" in each.name for each in threading.enumerate())


def test_a_page_is_answered_and_another_path_is_told_which_there_are(server: Server) -> None:
    assert ask(server, "/ok?from=somewhere") == (200, b"ok\n")
    assert ask(server, "/ok", "HEAD") == (200, b"")
    assert ask(server, "/") == (404, b"there is /ok, /broken\n")
    assert ask(server, "/ok", "POST")[0] == 501


def test_clients_that_say_nothing_are_hung_up_on_and_leave_no_thread(server: Server) -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(connect(server)) for _ in range(MOST + 5)]
        for each in silent:
            assert each.recv(1) == b""
        wait_until(lambda: handlers() == 0, "no thread is left")
    assert answers(server)


def test_who_comes_when_all_threads_are_taken_is_hung_up_on_at_once(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_test, "LONGEST", 60.0)
    with ExitStack() as stack:
        for _ in range(MOST):
            stack.enter_context(connect(server))
        wait_until(lambda: handlers() == MOST, "all threads are taken")
        assert stack.enter_context(connect(server)).recv(1) == b""
        assert handlers() == MOST
    wait_until(lambda: answers(server), "there is room again")


def test_one_who_dribbles_bytes_is_hung_up_on_all_the_same(server: Server) -> None:
    with connect(server) as slow:
        slow.settimeout(0.05)
        slow.sendall(b"GET /ok HTTP/1.0\r\n")

        def is_over() -> bool:
            try:
                slow.sendall(b"X")
                return slow.recv(1) == b""
            except TimeoutError:
                return False
            except OSError:
                return True

        wait_until(is_over, "the server hangs up")
    assert answers(server)


def test_who_leaves_before_the_answer_leaves_no_trace(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2 * MOST):
        with connect(server) as rude:
            rude.sendall(b"GET /ok HTTP/1.0\r\n\r\n")
    wait_until(lambda: handlers() == 0 and answers(server), "it serves again")
    assert capsys.readouterr().err == ""


def test_a_fault_of_our_own_is_an_event_and_the_next_request_is_served(
    server: Server, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.ERROR, "outbox"):
        with pytest.raises(OSError, match="without response"):
            ask(server, "/broken")
        wait_until(lambda: bool(caplog.messages), "it is told")
    assert caplog.messages == ["a request for metrics failed: ZeroDivisionError: oops"]
    assert capsys.readouterr().err == ""
    assert answers(server)


def test_closed_it_listens_no_more_and_who_is_there_is_hung_up_on() -> None:
    server = Server("127.0.0.1", 0, {})
    with connect(server) as client:
        wait_until(lambda: handlers() == 1, "it is taken")
        server.close()
        assert client.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        connect(server)


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    yield
    wait_until(lambda: handlers() == 0, "no thread is left behind")
