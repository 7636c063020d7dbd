"""A database of PostgreSQL dumped, dropped and restored, by the programs that a person would use."""

import subprocess
from pathlib import Path

from sqlalchemy import make_url

from tests.support.postgres import postgres_binary


def dump(url: str, file: Path) -> Path:
    """Dump the database into `file` while others work in it, and return that."""
    _run("pg_dump", "--format=custom", f"--file={file}", f"--dbname={_plain(url)}")
    return file


def drop(url: str) -> None:
    """Drop the database under everybody's hands."""
    _run("dropdb", "--force", *_by_name(url))


def restore(url: str, file: Path) -> None:
    """Make the database again, under the name that it had, as it was when it was dumped into `file`."""
    _run("createdb", *_by_name(url))
    _run("pg_restore", "--exit-on-error", f"--dbname={_plain(url)}", str(file))


def _by_name(url: str) -> list[str]:
    database = make_url(url).database or ""
    server = make_url(url).set(database="postgres").render_as_string(hide_password=False)
    return [f"--maintenance-db={_plain(server)}", database]


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _run(name: str, *arguments: str) -> None:
    command = [postgres_binary(name), *arguments]
    outcome = subprocess.run(
        command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60
    )
    if outcome.returncode != 0:
        raise RuntimeError(f"{name} failed: {outcome.stderr[-2000:]}")
