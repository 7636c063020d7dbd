"""A private PostgreSQL that a test may stop, kill and start again, with fsync left on."""

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Literal, Self

from tests.support.folder import make_folder, remove_folder, server_user
from tests.support.missing import missing
from tests.support.waiting import answers, free_port, wait_until

_USER = "postgres"
_TIMEOUT = 60
_SHARED_MEMORY = 6
"""The line of postmaster.pid, from 0, that names key and id of its shared memory."""


def postgres_binary(name: str) -> str:
    """Return the path of a program of the newest PostgreSQL that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    if not found:
        missing(f"{name} is missing under /usr/lib/postgresql: install the package postgresql.")
    return str(found[-1])


def _children(process: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


class PostgresServer:
    """A cluster in a folder of its own; a `with` block makes, starts, ends and removes it."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"postgresql+psycopg://{_USER}@127.0.0.1:{self.port}/postgres"
        self._user = server_user(_USER)
        self._folder = make_folder("postgres", self._user)
        self._data = self._folder / "data"

    def start(self) -> None:
        """Start it and return when it takes connections."""
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1"
        log = str(self._folder / "log")
        self._run("pg_ctl", "start", "--wait", "-D", str(self._data), "-l", log, "-o", options)

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """End it: `fast` cuts all connections and shuts down in order, `immediate` is a crash."""
        self._run("pg_ctl", "stop", "--wait", "-D", str(self._data), "-m", mode)

    def restart(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop and start it again on the same port."""
        self.stop(mode)
        self.start()

    def freeze(self) -> None:
        """Stop each of its processes where it stands; the kernel still takes connections for it."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill each of its processes where it stands, as when its host is gone; it is not started again."""
        self.freeze()
        postmaster = self._postmaster
        for process in [*_children(postmaster), postmaster]:
            os.kill(process, signal.SIGKILL)
        lines = (self._data / "postmaster.pid").read_text().splitlines()
        # What only a start would remove: its lock in shared memory.
        subprocess.run(["ipcrm", "--shmem-id", lines[_SHARED_MEMORY].split()[1]], check=True)
        shutil.rmtree(self._data)
        wait_until(lambda: not answers(self.port), "its port is free")
        # A process that nobody has reaped yet still seems to hold its lock.
        for left in self._folder.glob(".s.PGSQL.*"):
            left.unlink()

    def follow(self, port: int) -> None:
        """Become a replica, anew, of the server that is reached by this port."""
        if self.is_running:
            self.stop()
        shutil.rmtree(self._data, ignore_errors=True)
        source = f"host=127.0.0.1 port={port} user={_USER}"
        self._run(
            "pg_basebackup", "--no-sync", "--write-recovery-conf", "--checkpoint=fast",
            f"--dbname={source}", "-D", str(self._data),
        )  # fmt: skip
        self.start()

    def promote(self) -> None:
        """Be a primary from now on, with what has arrived."""
        self._run("pg_ctl", "promote", "--wait", "-D", str(self._data))

    @property
    def _postmaster(self) -> int:
        return int((self._data / "postmaster.pid").read_text().split()[0])

    def _signal(self, number: signal.Signals) -> None:
        postmaster = self._postmaster
        # The postmaster first: it must not have more children meanwhile.
        os.kill(postmaster, number)
        for child in _children(postmaster):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)

    @property
    def is_running(self) -> bool:
        """Whether its postmaster lives."""
        return (self._data / "postmaster.pid").exists()

    def _run(self, name: str, *arguments: str) -> None:
        # The postmaster would inherit a pipe and keep it open, so nothing here is captured.
        output = self._folder / "output"
        with output.open("ab") as file:
            outcome = subprocess.run(
                [postgres_binary(name), *arguments],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                user=self._user,
                group=self._user,
                extra_groups=[] if self._user else None,
                timeout=_TIMEOUT,
                check=False,
            )
        if outcome.returncode != 0:
            raise RuntimeError(f"{name} {arguments[0]} failed: {output.read_text()[-2000:]}")

    def __enter__(self) -> Self:
        try:
            # --no-sync spares only the making of the cluster; the running server syncs every commit.
            self._run(
                "initdb", "--no-sync", "--auth=trust", f"--username={_USER}", "--encoding=UTF8",
                "--locale=C.UTF-8", "-D", str(self._data),
            )  # fmt: skip
            self.start()
        except BaseException:
            remove_folder(self._folder)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self.is_running:
                self.stop("immediate")
        finally:
            remove_folder(self._folder)
