"""A server as a process of its own, with all that it forks."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Self

from tests.support.folder import remove_folder
from tests.support.waiting import answers, wait_until


class ServerProcess:
    """Runs `command` in a process group of its own, its output in `log`; it must then answer on `port`."""

    def __init__(self, command: list[str], log: Path, port: int) -> None:
        self._command = command
        self._log = log
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return when it takes connections."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(self._answers, f"{self._name} answers on port {self._port}")

    def stop(self) -> None:
        """Kill its process group."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    @property
    def _name(self) -> str:
        return self._log.stem

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"{self._name} ended: {self._log.read_text(errors='replace')[-2000:]}")
        return answers(self._port)


class RunningServer:
    """A server that runs in a `with` block, in folders of its own that are removed at its end."""

    def __init__(self, process: ServerProcess, *folders: Path) -> None:
        self._process = process
        self._folders = folders

    def _install(self) -> None:
        """Write what it needs before it starts."""

    def __enter__(self) -> Self:
        try:
            self._install()
            self._process.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()
        for folder in self._folders:
            remove_folder(folder)
