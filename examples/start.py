"""Start an example with all that it needs, and stop all of it with Ctrl-C.

    python -m examples.start fastapi

`outbox catch` stands in for the mail server: it takes every mail, shows a line of each, and keeps it. Pages
are served on port 5000, or that of EXAMPLE_PORT, and mail is caught on 1025, or that of EXAMPLE_CATCHER_PORT.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
_PORT = os.environ.get("EXAMPLE_PORT", "5000")
_CATCHER = os.environ.get("EXAMPLE_CATCHER_PORT", "1025")


@dataclass(frozen=True, slots=True)
class Example:
    """What is run of an example in its folder, modules with their arguments: `first`, then `together`."""

    together: Sequence[Sequence[str]]
    first: Sequence[Sequence[str]] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def _flask(app: str, **environment: str) -> Example:
    flask = ("flask", "--app", app)
    return Example(
        together=((*flask, "run", "--port", _PORT), (*flask, "outbox", "run")),
        first=((*flask, "outbox", "db", "upgrade"),),
        # A mail server of this machine, without encryption.
        environment={"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": _CATCHER, "MAIL_USE_TLS": "", **environment},
    )


EXAMPLES = {
    "fastapi": Example(
        together=[("uvicorn", "app:app", "--port", _PORT, "--no-access-log")],
        environment={
            "OUTBOX_SMTP_HOST": "127.0.0.1",
            "OUTBOX_SMTP_PORT": _CATCHER,
            "OUTBOX_SMTP_TLS": "none",
        },
    ),
    "flasky": _flask("hello", FLASKY_ADMIN="admin@example.com"),
    "microblog": _flask("microblog"),
}


def main(name: str, folder: Path) -> None:
    """Run an example, which keeps its files in `folder`, until Ctrl-C comes or a part of it ends."""
    for variable, port in (("EXAMPLE_PORT", _PORT), ("EXAMPLE_CATCHER_PORT", _CATCHER)):
        if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):  # noqa: PLR2004 - what TCP has
            sys.exit(f"{variable} is no port: {port!r}. Set it to a number from 1 to 65535.")
        if _answers(port):
            sys.exit(f"Something else listens on port {port}. Stop it, or set {variable} to a free port.")
    folder.mkdir(parents=True, exist_ok=True)
    example = EXAMPLES[name]
    there: dict[str, Any] = {
        "cwd": _HERE / name,
        "env": {**os.environ, "EXAMPLE_FOLDER": str(folder.resolve()), **example.environment},
    }
    for module in example.first:
        subprocess.run([sys.executable, "-m", *module], check=True, **there)  # noqa: S603 - ours
    catcher = ("outbox", "catch", "--port", _CATCHER, "--dir", str(folder.resolve() / "mails"))
    with ExitStack() as stack, suppress(KeyboardInterrupt):
        processes, is_told = [], False
        for module in (catcher, *example.together):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-m", *module], **there))  # noqa: S603 - ours
            stack.callback(process.terminate)
            processes.append(process)
        while all(process.poll() is None for process in processes):
            if not is_told and _answers(_PORT):
                print(
                    f"Open http://127.0.0.1:{_PORT}/ in a browser. Each mail is kept in {folder / 'mails'}.",
                    flush=True,
                )
                is_told = True
            time.sleep(0.2)
        sys.exit("A part of it has ended; its own words stand above.")


def _answers(port: str) -> bool:
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", int(port)), timeout=1).close()
        return True
    return False


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if len(sys.argv) != 2 or sys.argv[1] not in EXAMPLES:  # noqa: PLR2004 - the program and a name
        sys.exit(f"Name an example: {', '.join(EXAMPLES)}")
    main(sys.argv[1], Path("build", "examples", sys.argv[1]))
