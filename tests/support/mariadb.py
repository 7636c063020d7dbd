"""A private MariaDB that a test may stop, kill and start again."""

import signal
import subprocess
from typing import Literal, Self

import pymysql

from tests.support.folder import is_root, make_folder, remove_folder, server_user
from tests.support.missing import binary
from tests.support.waiting import free_port, wait_until

_USER = "mysql"
_PACKAGE = "mariadb-server"
_TIMEOUT = 60


class MariadbServer:
    """A server in a folder of its own, with an empty database `test`; use it in a `with` block."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"mysql+pymysql://root@127.0.0.1:{self.port}/test?charset=utf8mb4"
        self._folder = make_folder("mariadb", server_user(_USER))
        self._data = self._folder / "data"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return when it takes connections."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    binary("mariadbd", _PACKAGE), "--no-defaults", f"--datadir={self._data}",
                    f"--port={self.port}", "--bind-address=127.0.0.1", f"--socket={self._folder / 'socket'}",
                    f"--pid-file={self._folder / 'pid'}", "--innodb-buffer-pool-size=64M",
                    # At its start a server deletes all temporary tables in this folder.
                    f"--tmpdir={self._folder}", *self._as_user(),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )  # fmt: skip
        wait_until(self._answers, f"MariaDB answers on port {self.port}", _TIMEOUT)

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """End it: `fast` shuts down in order, `immediate` is a crash."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM if mode == "fast" else signal.SIGKILL)
        self._process.wait(_TIMEOUT)
        self._process = None

    def restart(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop and start it again on the same port."""
        self.stop(mode)
        self.start()

    @property
    def is_running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    def _as_user(self) -> list[str]:
        return [f"--user={_USER}"] if is_root() else []

    def _connect(self) -> "pymysql.Connection[pymysql.cursors.Cursor]":
        return pymysql.connect(host="127.0.0.1", port=self.port, user="root", connect_timeout=2)

    def _answers(self) -> bool:
        if not self.is_running:
            raise RuntimeError(f"MariaDB ended: {(self._folder / 'log').read_text()[-2000:]}")
        try:
            with self._connect() as connection, connection.cursor() as cursor:
                cursor.execute("SELECT @@pid_file")
                (found,) = cursor.fetchone() or ("",)
        except Exception as error:
            # By its name: where a test has had the driver imported anew, there are two such classes.
            if type(error).__name__ == "OperationalError":
                return False
            raise
        assert found == str(self._folder / "pid"), f"port {self.port} is another server's: {found}"
        return True

    def _install(self) -> None:
        outcome = subprocess.run(
            [
                binary("mariadb-install-db", _PACKAGE), "--no-defaults", f"--datadir={self._data}",
                "--auth-root-authentication-method=normal", "--skip-test-db",
                f"--tmpdir={self._folder}", *self._as_user(),
            ],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )  # fmt: skip
        if outcome.returncode != 0:
            raise RuntimeError(f"mariadb-install-db failed: {outcome.stdout[-1000:]}{outcome.stderr[-1000:]}")

    def __enter__(self) -> Self:
        try:
            self._install()
            self.start()
            with self._connect() as connection, connection.cursor() as cursor:
                cursor.execute("CREATE DATABASE test CHARACTER SET utf8mb4")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self.is_running:
                self.stop("immediate")
        finally:
            remove_folder(self._folder)
