"""The demo from its user's side: it proves the main job, and leaves no process behind."""

import json
import os
import re
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.calling import OUTBOX
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("alone")


def children_of(pid: int) -> set[int]:
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def command_of(pid: int) -> bytes:
    """Return its command line, empty once it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return b""


def test_a_thousand_mails_arrive_once_and_the_reader_learns_where_to_look() -> None:
    done = subprocess.run([*OUTBOX, "demo"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for word in (
        "1000 of 1000 committed",
        "FROM outbox_status GROUP BY status;",
        "sent    1000      1002",
        "each of 1,002 committed deliveries arrived exactly once",
        "none of 10 rolled-back mails did",
        "p50 ",
        " a second",
        "outbox list",
    ):
        assert word in done.stdout
    mails = [path.read_bytes() for path in Path("demo/mails").glob("*.eml")]
    assert len(mails) == 1000
    assert all(b"multipart/alternative" in mail and b"text/html" in mail for mail in mails)
    assert sum(b"terms.txt" in mail for mail in mails) == 1
    (copies,) = (mail for mail in mails if b"archive@example.com" in mail)
    assert b"archive@example.com" not in copies.partition(b"\nFrom: ")[2]
    # What it prints to try next works as printed.
    (shown,) = re.findall(r"show ([0-9a-f-]{36})", done.stdout)
    environment = {**os.environ, "OUTBOX_CONFIG": "demo/outbox.toml"}
    looked = subprocess.run(
        [*OUTBOX, "show", shown, "--json"], capture_output=True, env=environment, check=True
    )
    row = json.loads(looked.stdout)
    assert (row["status"], len(row["deliveries"])) == ("sent", 3)


@pytest.mark.trial
def test_a_second_demo_replaces_the_first() -> None:
    for _ in range(2):
        done = subprocess.run(
            [*OUTBOX, "demo", "--mails", "10", "--dir", "a b"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert len(list(Path("a b/mails").glob("*.eml"))) == 10


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_demo_that_is_interrupted_takes_its_children_along(number: int) -> None:
    with ExitStack() as ends:
        demo = ends.enter_context(
            subprocess.Popen([*OUTBOX, "demo", "--mails", "50000"], stdout=subprocess.DEVNULL)
        )
        ends.callback(demo.kill)
        wait_until(lambda: len(children_of(demo.pid)) == 2, "the demo has started its two children")
        children = children_of(demo.pid)
        wait_until(lambda: any(Path("demo/mails").glob("*.eml")), "the first mail has arrived")
        demo.send_signal(number)
        assert demo.wait(40) == 128 + number
        assert not any(map(command_of, children))


def test_a_child_that_dies_ends_the_demo_with_its_last_words() -> None:
    with ExitStack() as ends:
        demo = ends.enter_context(
            subprocess.Popen(
                [*OUTBOX, "demo", "--mails", "50000"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        ends.callback(demo.kill)
        wait_until(lambda: len(children_of(demo.pid)) == 2, "the demo has started its two children")
        children = children_of(demo.pid)
        wait_until(lambda: any(Path("demo/mails").glob("*.eml")), "the first mail has arrived")
        (daemon,) = (pid for pid in children if command_of(pid).endswith(b"\0run\0"))
        os.kill(daemon, signal.SIGKILL)
        _, said = demo.communicate(timeout=40)
    assert demo.returncode == 1
    assert "outbox run ended with code -9:" in said
    assert "sends through 127.0.0.1:" in said
    assert not any(map(command_of, children))
