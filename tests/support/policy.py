"""Postfix's policy protocol (SMTPD_POLICY_README): decide each RCPT TO by a table that a test may change."""

import socketserver
import threading
from collections.abc import Mapping


class _Handler(socketserver.StreamRequestHandler):
    """One connection of an smtpd process: attributes line by line, an empty line, our action, again."""

    server: "_Server"

    def handle(self) -> None:
        asked: dict[str, str] = {}
        for raw in self.rfile:
            line = raw.decode("utf-8", "replace").rstrip("\n")
            if line:
                name, _, value = line.partition("=")
                asked[name] = value
                continue
            answer = self.server.refusals.get(asked.get("recipient", ""), "DUNNO")
            self.wfile.write(f"action={answer}\n\n".encode())
            asked.clear()


class _Server(socketserver.ThreadingTCPServer):
    """A thread a connection; they end with their peers."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, refusals: Mapping[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.refusals = refusals

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: Postfix being killed in the middle of a question is what tests do."""


class PolicyServer:
    """Answers `refusals[recipient]` where there is one, and nothing to say (DUNNO) otherwise."""

    def __init__(self, refusals: Mapping[str, str]) -> None:
        self._server = _Server(refusals)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="policy", daemon=True)

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more connections, and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
