"""A private Postfix: real answers, verified TLS, refusals on request, and a log that says what arrived.

It takes mail for any recipient from this host. It needs root, as Postfix itself does.
"""

import os
import pwd
import re
import shutil
import ssl
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.support.folder import is_root, make_folder, remove_folder
from tests.support.identity import write_identity
from tests.support.missing import binary, missing
from tests.support.policy import PolicyServer
from tests.support.postfix_files import KEEPING, SCREENING, write_files
from tests.support.stored import Copies, in_maildirs
from tests.support.waiting import answers, free_port, wait_until

_TIMEOUT = 60
_QUEUED = re.compile(r"cleanup\[\d+\]: (\w+): message-id=(.*)")
_DELIVERED = re.compile(r"(?:discard|virtual)\[\d+\]: (\w+): to=<([^>]*)>.* status=sent")


class PostfixServer:
    """A Postfix in a folder of its own; a `with` block makes, starts, ends and removes it.

    `refusals` maps a recipient to the answer that its RCPT TO gets ("550 5.1.1 no such user"). Entries of
    `server.refusals` may be assigned and deleted while the server runs: the next RCPT TO sees it.

    It has STARTTLS on `port` and implicit TLS on `tls_port`. Mail is discarded once its delivery is logged,
    or with `keeps` stands in `stored()`. With `screened` postscreen stands before `port`. `settings` are
    those of main.cf that differ.
    """

    def __init__(
        self,
        refusals: Mapping[str, str] | None = None,
        *,
        keeps: bool = False,
        screened: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._postfix = binary("postfix", "postfix")
        if not is_root():
            missing("root is missing: Postfix starts only as root.")
        self.host = "localhost"
        self.port = free_port()
        self.tls_port = free_port()
        self._screened = screened
        self._settings = {
            **(KEEPING if keeps else {}),
            **(SCREENING if screened else {}),
            **(settings or {}),
        }
        self.refusals = dict(refusals or {})
        self._policy = PolicyServer(self.refusals)
        self._folder = make_folder("postfix", None)
        self.ca_file = self._folder / "ca.pem"
        self.client_cert = self._folder / "client.pem"
        self._log = self._folder / "log"

    @property
    def tls(self) -> ssl.SSLContext:
        """A client's context that verifies this server's certificate."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def start(self) -> None:
        """Start it and return when it takes connections."""
        self._command("start")
        wait_until(lambda: answers(self.port), f"Postfix answers on port {self.port}")

    def stop(self) -> None:
        """End it, cutting its connections; the queue and the log stay for the next start."""
        master = self._master_pid()
        self._command("abort")
        wait_until(lambda: not Path(f"/proc/{master}").exists(), "Postfix has ended")

    @property
    def is_running(self) -> bool:
        """Whether its master process lives."""
        return self._master_pid() is not None

    def stored(self) -> Copies:
        """Return what was delivered and kept."""
        return in_maildirs(self._folder / "mail")

    def delivered(self) -> Counter[str]:
        """Return, for each Message-ID (with its angle brackets), how many deliveries were logged."""
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        names = dict(_QUEUED.findall(text))
        return Counter(names[queue_id] for queue_id, _ in _DELIVERED.findall(text) if queue_id in names)

    def recipients(self) -> Counter[str]:
        """Return, for each recipient, how many deliveries were logged."""
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        return Counter(recipient for _, recipient in _DELIVERED.findall(text))

    def wait_delivered(self, count: int, timeout: float = _TIMEOUT) -> Counter[str]:
        """Return `delivered()` once it counts at least `count` deliveries."""
        wait_until(lambda: self.delivered().total() >= count, f"{count} deliveries are logged", timeout)
        return self.delivered()

    def wait_logged(self, words: str, timeout: float = _TIMEOUT) -> None:
        """Wait until `words` stand in the log, which is written after the client has its reply."""
        wait_until(lambda: words in self.log(), f"Postfix logs {words!r}", timeout)

    def log(self) -> str:
        """Return what Postfix logged, for the message of a failed test."""
        return self._log.read_text(errors="replace")

    def _master_pid(self) -> int | None:
        file = self._folder / "queue" / "pid" / "master.pid"
        try:
            pid = int(file.read_text())
            # A stale file may name a process of somebody else.
            ours = "master" in Path(f"/proc/{pid}/comm").read_text()
        except (OSError, ValueError):
            return None
        return pid if ours else None

    def _install(self) -> None:
        # Postfix wants all of its configuration folder to be root's, so that stands apart.
        for name in ("conf", "queue", "data"):
            (self._folder / name).mkdir()
        shutil.chown(self._folder / "data", "postfix", "postfix")
        write_identity(self._folder)
        keeper = pwd.getpwnam("nobody")
        (self._folder / "mail").mkdir()
        os.chown(self._folder / "mail", keeper.pw_uid, keeper.pw_gid)
        write_files(
            self._folder / "conf",
            self._settings,
            screened=self._screened,
            folder=self._folder,
            policy=self._policy.port,
            port=self.port,
            tls_port=self.tls_port,
            keeper=keeper.pw_uid,
        )

    def _command(self, word: str) -> None:
        outcome = subprocess.run(
            [self._postfix, "-c", str(self._folder / "conf"), word],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True, timeout=_TIMEOUT, check=False,
        )  # fmt: skip
        if outcome.returncode != 0:
            log = self._log.read_text()[-2000:] if self._log.exists() else ""
            raise RuntimeError(f"postfix {word} failed: {outcome.stderr}{log}")

    def __enter__(self) -> Self:
        self._policy.start()
        try:
            self._install()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self.is_running:
                self.stop()
        finally:
            self._policy.stop()
            remove_folder(self._folder)
