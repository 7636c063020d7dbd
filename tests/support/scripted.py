"""An SMTP server that does exactly what a test's script says, on real sockets.

It runs in a thread with blocking sockets, apart from the event loop that it tests, and waits on what the
client does, never on time.
"""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.support.waiting import wait_until

PATIENCE = 20.0
"""Seconds after which a script that still waits has failed."""


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._sock.settimeout(PATIENCE)
        self._buffer = bytearray()
        self.heard = bytearray()
        """All that the client said, decrypted."""

    @property
    def client(self) -> str:
        """The address that the connection comes from."""
        address: str = self._sock.getpeername()[0]
        return address

    @property
    def unheard(self) -> bytes:
        """What has come but was not asked for yet."""
        return bytes(self._buffer)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Leave the client's bytes in the network until `condition` holds."""
        wait_until(condition, "the client is done", PATIENCE)

    def say(self, *lines: str | bytes) -> None:
        """Send lines in one packet; bytes go as they are."""
        data = b"".join(line if isinstance(line, bytes) else f"{line}\r\n".encode() for line in lines)
        self._sock.sendall(data)

    def hear(self, start: str) -> str:
        """Read one line, which must begin with `start`."""
        while b"\r\n" not in self._buffer:
            self._read()
        text = self._take(self._buffer.index(b"\r\n"), 2).decode("ascii")
        assert text.upper().startswith(start), f"expected {start}, heard {text}"
        return text

    def hear_something(self) -> bytes:
        """Read what has come, and forget it."""
        if not self._buffer:
            self._read()
        return self._take(len(self._buffer), 0)

    def hear_at_least(self, size: int) -> None:
        """Read until `size` bytes of the message have come."""
        while len(self._buffer) < size:
            self._read()

    def hear_message(self) -> bytes:
        """Read up to the final dot; return the message still stuffed, without the dot."""
        looked = 0
        while not self._buffer.startswith(b".\r\n"):
            end = self._buffer.find(b"\r\n.\r\n", max(0, looked - 4))
            if end >= 0:
                return self._take(end + 2, 3)
            looked = len(self._buffer)
            self._read()
        return self._take(0, 3)

    def sip(self) -> None:
        """Take one byte from the network, unheard."""
        self._buffer += self._sock.recv(1)

    def hear_the_end(self) -> None:
        """Read until the client has gone."""
        while self._read(or_end=True):
            pass

    def greet(self, *extensions: str) -> None:
        """Say the greeting and answer EHLO."""
        self.say("220 mail.example ESMTP")
        self.answer_ehlo(*extensions)

    def answer_ehlo(self, *extensions: str) -> None:
        """Answer EHLO with these extensions."""
        self.hear("EHLO")
        lines = ["mail.example", *extensions]
        self.say(*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}")

    def hear_envelope(self, recipients: int = 1) -> None:
        """Read a pipelined envelope, without an answer."""
        self.hear("MAIL FROM")
        for _ in range(recipients):
            self.hear("RCPT TO")
        self.hear("DATA")

    def take_envelope(self, recipients: int = 1) -> None:
        """Accept a pipelined envelope and ask for the message."""
        self.hear_envelope(recipients)
        self.say(*["250 ok"] * (recipients + 1), "354 go")

    def take_mail(self, answer: str = "250 2.0.0 Ok: queued as 4X", recipients: int = 1) -> bytes:
        """Take one pipelined mail; return its message."""
        self.take_envelope(recipients)
        message = self.hear_message()
        self.say(answer)
        return message

    def take_quit(self) -> None:
        """Answer QUIT."""
        self.hear("QUIT")
        self.say("221 bye")

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Do the server's side of the handshake."""
        self._sock = context.wrap_socket(self._sock, server_side=True)

    def close(self) -> None:
        """Close in good order."""
        self._sock.close()

    def reset(self) -> None:
        """Cut the connection with a RST."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()

    def _take(self, size: int, skipped: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[: size + skipped]
        return taken

    def _read(self, *, or_end: bool = False) -> bool:
        try:
            data = self._sock.recv(65536)
        except (ConnectionResetError, ssl.SSLError):
            data = b""
        assert data or or_end, f"the client left after {self.heard[-80:]!r}"
        self._buffer += data
        self.heard += data
        return bool(data)


Script = Callable[[Peer], None]


class Server:
    """A listening server; its nth connection runs the nth script.

    `buffer` is how many bytes its end of a connection keeps in either direction, where the kernel's choice is
    too many.
    """

    def __init__(self, scripts: tuple[Script, ...], buffer: int | None = None) -> None:
        self._scripts = scripts
        self._listener = socket.create_server(("127.0.0.1", 0))
        if buffer is not None:  # before it listens to anybody: a window once offered does not shrink well
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        self.port: int = self._listener.getsockname()[1]
        self.peers: list[Peer] = []
        self._errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        self._listener.settimeout(PATIENCE)
        for script in self._scripts:
            try:
                peer = Peer(self._listener.accept()[0])
                self.peers.append(peer)
                script(peer)
                peer.close()
            except BaseException as error:  # noqa: BLE001 handed to the test in stop()
                self._errors.append(error)
                if self.peers:
                    self.peers[-1].close()

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def close_the_door(self) -> None:
        """Let nobody in any more; whoever waits for a script is cut off."""
        self._listener.close()

    def stop(self) -> None:
        """Wait for the scripts' end; raise what went wrong in them."""
        self._thread.join(PATIENCE * 2)
        self._listener.close()
        for peer in self.peers:
            peer.close()
        if self._errors:
            raise self._errors[0]


@contextmanager
def scripted(*scripts: Script, buffer: int | None = None) -> Iterator[Server]:
    """Serve one connection for each script, one after the other."""
    server = Server(scripts, buffer)
    server.start()
    try:
        yield server
    finally:
        server.stop()
