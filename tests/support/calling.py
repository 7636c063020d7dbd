"""Call commands as a shell would: in this process, or the daemon beside it."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import UUID

from click.testing import CliRunner, Result

from outbox.cli import command_line

OUTBOX = [sys.executable, "-m", "outbox"]
CHECKOUT = str(Path(__file__).resolve().parents[2])
MAIL = ("send", "--from", "shop@example.com", "--to", "ada@example.com", "--subject", "Tea", "--text", "Hot.")
"""A call that enqueues a mail."""


def call(*args: str, given: bytes | None = None) -> Result:
    """Run `outbox` with these arguments, `given` on its standard input."""
    result = CliRunner().invoke(command_line, args, input=given, prog_name="outbox")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def refused(*args: str, given: bytes | None = None) -> tuple[int, str]:
    """Run it, and return its exit code and its complaint; it must have printed nothing else."""
    result = call(*args, given=given)
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.exit_code, result.stderr


def sent_id(*more: str) -> str:
    """Enqueue MAIL with these arguments more, and return the printed id."""
    result = call(*MAIL, *more)
    assert result.exit_code == 0, result.output
    return str(UUID(result.stdout.strip()))


def value(statement: str) -> object:
    """Run a statement on this folder's database by hand, and return the first value of its first row."""
    with closing(sqlite3.connect("outbox.sqlite3", timeout=10)) as connection, connection:
        row = connection.execute(statement).fetchone()
    return row and row[0]


@contextmanager
def daemon(port: int, *flags: str) -> Iterator["subprocess.Popen[str]"]:
    """Run the daemon with the relay at `port`; at the end it is asked to stop, and must do so in order."""
    relay = ["--smtp-host", "127.0.0.1", "--smtp-port", str(port), "--smtp-tls", "none"]
    with subprocess.Popen([*OUTBOX, "run", *relay, *flags], stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
            said = process.stderr.read() if process.stderr else ""
            code = process.wait(30)
    assert (code, "Traceback" in said) == (0, False), said
