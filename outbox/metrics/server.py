"""A small HTTP server for loopback: few threads, short waits, no log, whatever its clients do."""

from __future__ import annotations

import socket
import socketserver
import sys
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from outbox import events

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOST = 8
"""Requests at the same time; who comes beyond that is hung up on, and asks again."""

SILENCE = 5.0
"""Seconds that one read or write of a request may take."""

LONGEST = 10.0
"""Seconds that a whole request may take, however slowly its bytes come."""

_LOOKS = 0.5
_REST = 0.1


class Page:
    """What is answered: a status, a text and its type."""

    def __init__(self, status: HTTPStatus, text: bytes, content_type: str) -> None:
        self.status = status
        self.text = text
        self.content_type = content_type


def plain(status: HTTPStatus, text: str) -> Page:
    """Return one line of plain text."""
    return Page(status, f"{text}\n".encode(), "text/plain; charset=utf-8")


class Server(ThreadingHTTPServer):
    """Serves `pages` by their paths at `host` and `port` until it is closed; 0 is any free port.

    Raises OSError where nobody can listen there.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, pages: Mapping[str, Callable[[], Page]]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.pages = pages
        self._room = threading.BoundedSemaphore(MOST)
        self._open: dict[socket.socket, float] = {}
        super().__init__((host, port), _Handler)
        self._thread = threading.Thread(
            target=self.serve_forever, args=[_LOOKS], name="outbox-metrics", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Listen no more, and hang up on who is still there."""
        self.shutdown()
        self.server_close()
        self._hang_up(0.0)

    def server_bind(self) -> None:
        """Bind without a look into DNS for our own name, as which nobody knows us here."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment] # an IP address

    def get_request(self) -> tuple[socket.socket, Any]:
        """Take a connection; while there is no descriptor for one, do not ask in a circle."""
        try:
            return super().get_request()
        except OSError:
            time.sleep(_REST)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection on a thread, if there is room for one."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        self._open[request] = time.monotonic()
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no more threads
            self._done(request)
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection; called on its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._done(request)

    def service_actions(self) -> None:
        """Hang up, between two looks for connections, on those that take too long."""
        self._hang_up(LONGEST)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's names
        """Tell what went wrong with us; that a client has gone, or is too slow, is its own affair."""
        error = sys.exception()
        if error is not None and not isinstance(error, OSError):
            events.metrics_failed(error)

    def _done(self, request: socket.socket) -> None:
        self._open.pop(request, None)
        self._room.release()

    def _hang_up(self, age: float) -> None:
        for request, began in list(self._open.items()):
            if time.monotonic() - began >= age:
                with suppress(OSError):
                    request.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    timeout = SILENCE
    server: Server

    def do_GET(self) -> None:
        pages = self.server.pages
        page = pages.get(self.path.partition("?")[0])
        answer = page() if page else plain(HTTPStatus.NOT_FOUND, f"there is {', '.join(pages)}")
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.text)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.text)

    do_HEAD = do_GET  # noqa: N815 - http.server's name

    def version_string(self) -> str:
        return "outbox"

    def log_message(self, *_: object) -> None:
        """Keep the log for mail."""
