"""What a process starts or forks has nothing of its daemon's: no descriptor, no thread, no way to harm it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from outbox.store.grants import Role
from tests.support.calling import CHECKOUT
from tests.support.daemon import RunningDaemon, application
from tests.support.ledger import LedgerSink
from tests.support.scripted import scripted
from tests.support.sitting import Sitting
from tests.support.users import as_role
from tests.support.waiting import wait_until

_STANDARD = {0, 1, 2}

_FORK = """
import os, sys
from outbox.embedded import Daemon

url, port, child = sys.argv[1], int(sys.argv[2]), sys.argv[3]
settings = dict(database_url=url, smtp_host="127.0.0.1", smtp_port=port, smtp_tls="none", poll_interval=0.1)
daemon = Daemon(**settings)
daemon.start()
pid = os.fork()
if not pid:
    code = 1
    try:
        assert not daemon.is_running
        exec(child)
        code = 0
    finally:
        os._exit(code)
_, status = os.waitpid(pid, 0)
assert os.waitstatus_to_exitcode(status) == 0
assert daemon.is_running
print("forked", flush=True)
sys.stdin.readline()
assert daemon.is_running
daemon.stop()
print("stopped", flush=True)
"""

_IGNORES = "pass"
_STOPS = "assert daemon.stop()"
_STARTS = """
from outbox.errors import ForkedError
try:
    daemon.start()
except ForkedError as error:
    assert "after the fork" in str(error)
else:
    raise AssertionError("it may wait for ever for a lock that another thread held at the fork")
"""


def inherited(pid: int) -> list[str]:
    """Return what a program that the process executes would find open, but for the standard streams."""
    found = []
    for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
        (flags,) = (line.split()[1] for line in entry.read_text().splitlines() if line.startswith("flags:"))
        if not int(flags, 8) & os.O_CLOEXEC and int(entry.name) not in _STANDARD:
            found.append(Path(f"/proc/{pid}/fd/{entry.name}").readlink().name)
    return found


def test_fault_82_no_descriptor_of_a_daemon_is_inherited_by_a_program_that_it_starts(
    database_url: str, tmp_path: Path
) -> None:
    sitting = Sitting()
    with scripted(sitting) as relay, application(database_url) as app:
        app.enqueue(1)
        with RunningDaemon(
            database_url, tmp_path, port=relay.port, connections=1, state_dir=tmp_path
        ) as daemon:
            sitting.wait_dot()
            # OpenSSL has the list of authorities open for a moment, when a driver connects.
            wait_until(lambda: inherited(daemon.pid) == [], "nothing would be inherited")
            sitting.answer()
            app.wait_sent(1)
            assert daemon.terminate() == 0


@pytest.mark.parametrize("child", [_IGNORES, _STOPS, _STARTS], ids=["ignores", "stops", "starts"])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_fault_82_a_forked_child_has_no_daemon_and_its_parents_works_on(
    kind: str, child: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url: str = request.getfixturevalue(f"{kind}_url")
    with application(url) as app, LedgerSink() as sink:
        app.enqueue(1)
        parent = subprocess.Popen(
            [sys.executable, "-c", _FORK, as_role(url, Role.DAEMON), str(sink.port), child],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": CHECKOUT},
        )
        assert parent.stdout is not None
        try:
            assert parent.stdout.readline() == "forked\n", parent.communicate()[1]
            app.enqueue(50, tag="later")
            app.wait_sent(51)
            said, errors = parent.communicate("\n", timeout=60)
        finally:
            parent.kill()
            parent.wait()
        assert (said, parent.returncode) == ("stopped\n", 0), errors
        assert app.scalar("SELECT count(*) FROM outbox_session WHERE state <> 'stopped'") == 0
