"""The proxy as a process of its own, before a server that says back what it hears."""

import random
import socket
import threading
from collections.abc import Iterator

import pytest

from bench.distance import distant

GREETING = b"220 here\r\n"
ROUND_TRIP = 0.02
TIMEOUT = 20


def _serve_one(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(TIMEOUT)
        connection.sendall(GREETING)
        while data := connection.recv(65536):
            connection.sendall(data)


@pytest.fixture
def echo() -> Iterator[int]:
    """Give the port of a server for one client: it greets, echoes, and ends when its client ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(TIMEOUT)
        thread = threading.Thread(target=_serve_one, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        thread.join(TIMEOUT)
        assert not thread.is_alive(), "the server never heard that its client had ended"


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := connection.recv(size - len(data))):
        data += more
    return data


def test_bytes_cross_the_proxy_unaltered_and_the_clients_end_reaches_the_server(echo: int) -> None:
    sent = random.Random(1).randbytes(300_000)
    with distant(echo, ROUND_TRIP) as port, socket.create_connection(("127.0.0.1", port), TIMEOUT) as client:
        greeting = _read(client, len(GREETING))
        client.sendall(sent)
        back = _read(client, len(sent))
    assert (greeting, back) == (GREETING, sent)


def test_a_server_that_is_gone_ends_the_client() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gone = listener.getsockname()[1]
    with distant(gone, ROUND_TRIP) as port, socket.create_connection(("127.0.0.1", port), TIMEOUT) as client:
        assert client.recv(1) == b""


def test_a_servers_last_words_reach_the_client_and_then_its_end() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        distant(listener.getsockname()[1], ROUND_TRIP) as port,
        socket.create_connection(("127.0.0.1", port), TIMEOUT) as client,
    ):
        listener.settimeout(TIMEOUT)
        with listener.accept()[0] as connection:
            connection.sendall(b"421 closing\r\n")
        assert _read(client, 1000) == b"421 closing\r\n"
