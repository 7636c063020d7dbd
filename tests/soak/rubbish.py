"""A server that answers what no SMTP client can read."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

_WORDS = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    b"220 \xff\xfe\x00\x1b[31m\r\n999 what\r\n",
    b"220-" + b"x" * 100_000,
    b"25\r\n",
    b"220 rubbish ESMTP\r\n250 too early\r\n354 far too early\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
)


class _Rubbish(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 100

    def __init__(self, random: Random) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.random = random


class _Answer(socketserver.BaseRequestHandler):
    server: _Rubbish

    def handle(self) -> None:
        words = self.server.random.choice([*_WORDS, self.server.random.randbytes(500)])
        try:
            self.request.sendall(words)
            while self.request.recv(4096):
                pass
        except OSError:
            pass  # the client has had enough


@contextmanager
def rubbish(random: Random) -> Iterator[int]:
    """Serve it on the port that this gives."""
    with _Rubbish(random) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
