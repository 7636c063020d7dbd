"""An example as its one command starts it, and what it has sent."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from tests.support.waiting import answers, free_port, wait_until

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Running:
    """An example that runs at `address` and keeps its files in `folder`."""

    address: str
    folder: Path

    def mails(self, count: int) -> list[EmailMessage]:
        """Return all mails that were caught, in their order, when there are at least so many."""
        files = self.folder / "mails"
        wait_until(lambda: len(list(files.glob("*.eml"))) >= count, f"{count} mails are caught")
        parser = BytesParser(_class=EmailMessage, policy=policy.default)
        return [parser.parsebytes(file.read_bytes()) for file in sorted(files.glob("*.eml"))]


@contextmanager
def running(name: str, tmp_path: Path, root: Path = ROOT, **environment: str) -> Iterator[Running]:
    """Start an example by its command, from the folder `examples` in `root`, and stop it as Ctrl-C does."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "examples.start", name],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": f"{root}{os.pathsep}{ROOT}",
            "EXAMPLE_PORT": str(port),
            "EXAMPLE_CATCHER_PORT": str(free_port()),
            **environment,
        },
    )
    try:
        wait_until(lambda: process.poll() is not None or answers(port), "the example answers", 60)
        assert process.poll() is None
        yield Running(f"http://127.0.0.1:{port}", tmp_path / "build" / "examples" / name)
    finally:
        process.terminate()
        process.wait(30)
