"""Postfix's smtp-sink: a server that fails in whatever way its flags say, and keeps what it takes."""

from tests.support.folder import make_folder, server_user
from tests.support.missing import binary
from tests.support.process import RunningServer, ServerProcess
from tests.support.stored import Copies, in_dumps
from tests.support.waiting import free_port

_USER = "nobody"


class SmtpSink(RunningServer):
    """It runs in a `with` block; `flags` are those of smtp-sink(1), such as "-f", "RCPT"."""

    def __init__(self, *flags: str) -> None:
        program = binary("smtp-sink", "postfix")
        user = server_user(_USER)
        self.host = "localhost"
        self.port = free_port()
        self._folder = make_folder("sink", None)
        self._mail = make_folder("sink-mail", user)
        command = [program, *flags, "-d", f"{self._mail}/", *(("-u", user) if user else ())]
        process = ServerProcess(
            [*command, f"inet:127.0.0.1:{self.port}", "100"], self._folder / "smtp-sink.out", self.port
        )
        super().__init__(process, self._folder, self._mail)

    def stored(self) -> Copies:
        """Return what it took."""
        return in_dumps(self._mail)
