"""Start an example with all that it needs, and stop all of it with Ctrl-C.

    python -m examples.start fastapi

`outbox catch` stands in for the mail server: it takes every mail, shows a line of each, and keeps it.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_PORT = os.environ.get("EXAMPLE_PORT", "5000")
_CATCHER = os.environ.get("EXAMPLE_CATCHER_PORT", "1025")

EXAMPLES: dict[str, Sequence[Sequence[str]]] = {
    "fastapi": [("uvicorn", "app:app", "--port", _PORT, "--no-access-log")],
}
"""What is run of each example, in its folder: modules with their arguments."""


def main(name: str, folder: Path) -> None:
    """Run an example, which keeps its files in `folder`, until Ctrl-C comes or a part of it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "EXAMPLE_FOLDER": str(folder.resolve()),
        "OUTBOX_SMTP_HOST": "127.0.0.1",
        "OUTBOX_SMTP_PORT": _CATCHER,
        "OUTBOX_SMTP_TLS": "none",
    }
    catcher = ("outbox", "catch", "--port", _CATCHER, "--dir", str(folder.resolve() / "mails"))
    with ExitStack() as stack:
        processes = []
        for module in (catcher, *EXAMPLES[name]):
            command = [sys.executable, "-m", *module]
            process = stack.enter_context(subprocess.Popen(command, cwd=_HERE / name, env=environment))  # noqa: S603 - ours
            stack.callback(process.terminate)
            processes.append(process)
        print(f"Open http://127.0.0.1:{_PORT}/. Each mail is kept in {folder / 'mails'}.", flush=True)
        with suppress(KeyboardInterrupt):
            while all(process.poll() is None for process in processes):
                time.sleep(0.2)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if len(sys.argv) != 2 or sys.argv[1] not in EXAMPLES:  # noqa: PLR2004 - the program and a name
        sys.exit(f"Name an example: {', '.join(EXAMPLES)}")
    main(sys.argv[1], Path("build", "examples", sys.argv[1]))
