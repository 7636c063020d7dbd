"""Microblog as its visitors meet it: the processes of one way of sending, and somebody who follows."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from enum import StrEnum
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

import outbox
from bench.daemon import daemon
from bench.databases import fresh_database

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
READER = "susan"
_ROOT = Path(__file__).resolve().parent.parent
_START = 60.0
_PAUSE = 0.05
_WORKER = ("celery", "-A", "bench.clients.microblog:celery", "worker", "--concurrency", "4")


class Way(StrEnum):
    """A way of sending the mail about a follower."""

    NOTHING = "nothing is sent"
    SYNCHRONOUS = "Flask-Mail in the request"
    THREAD = "Flask-Mail in a thread"
    CELERY = "Celery and Flask-Mail"
    CAREFUL = "Celery with acks_late and retries"
    OUTBOX = "the outbox"


class Site:
    """One way of sending at work; its pages can be killed and served again."""

    def __init__(self, way: Way, url: str, relay: int, folder: Path) -> None:
        self.way = way
        self._port = free_port()
        self._folder = folder
        self._environment = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(_ROOT),
            "SECRET_KEY": secrets.token_hex(),
            "DATABASE_URL": url,
            "EXAMPLE_FOLDER": str(folder),
            "MAIL_SERVER": HOST,
            "MAIL_PORT": str(relay),
            "MAIL_ERRORS": "no",
            "OUTBOX_BENCH_WAY": way,
            "OUTBOX_BENCH_QUEUE": f"outbox-bench-{secrets.token_hex(6)}",
        }
        self._visitors: dict[str, str] = {}
        self._processes = ExitStack()
        self._web: subprocess.Popen[bytes]

    def serve(self) -> None:
        """Serve pages, from now on or again."""
        self._web = self.run("bench.clients.microblog", self.way, str(self._port))
        deadline = time.monotonic() + _START
        while not self._answers():
            if time.monotonic() > deadline or self._web.poll() is not None:
                raise RuntimeError(f"the pages of {self.way} are not served:\n{self.log()}")
            time.sleep(_PAUSE)

    def kill_pages(self) -> None:
        """Kill what serves the pages, and nothing else."""
        self._web.kill()
        self._web.wait()

    def join(self, nickname: str) -> None:
        """Let somebody log in."""
        form = {"nickname": nickname, "email": f"{nickname}@example.org", "about_me": "likes mail"}
        _, cookie = self._post("/login", form)
        self._visitors[nickname] = cookie

    def follow(self, nickname: str) -> tuple[float, int]:
        """Let somebody follow the reader; return the milliseconds of the page, and its status."""
        began = time.perf_counter()
        status, _ = self._post(f"/follow/{READER}", {}, self._visitors[nickname])
        return (time.perf_counter() - began) * 1000, status

    def run(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Run a module until the end."""
        log = self._processes.enter_context((self._folder / "site.log").open("ab"))
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=self._environment,
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        self._processes.callback(_end, process)
        return process

    def close(self) -> None:
        """End all processes."""
        self._processes.close()

    def log(self) -> str:
        """Return what they have logged."""
        return (self._folder / "site.log").read_text()

    def _answers(self) -> bool:
        with suppress(OSError):
            connection = HTTPConnection(HOST, self._port, timeout=_START)
            connection.request("GET", "/login")
            return connection.getresponse().status == 200
        return False

    def _post(self, path: str, form: dict[str, str], cookie: str = "") -> tuple[int, str]:
        connection = HTTPConnection(HOST, self._port, timeout=_START)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
        connection.request("POST", path, urlencode(form), headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status, (answer.headers["Set-Cookie"] or "").partition(";")[0]


@contextmanager
def site(way: Way, kind: str, relay: int, folder: Path) -> Iterator[Site]:
    """Give a site with a fresh database and all that works behind its pages."""
    folder.mkdir()
    with fresh_database(kind) as url, ExitStack() as stack:
        engine = create_engine(url, poolclass=NullPool)
        outbox.migrate(engine)
        opened = Site(way, url, relay, folder)
        stack.callback(opened.close)
        opened.serve()
        opened.join(READER)
        if way is Way.OUTBOX:
            stack.enter_context(daemon(url, relay, folder))
        elif way in {Way.CELERY, Way.CAREFUL}:
            opened.run(*_WORKER)
        yield opened


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with its children."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, 9)
    process.wait()
