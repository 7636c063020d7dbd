"""The daemon of the release before and this one, each on the tables of the other, as docs/upgrading.md says.

The release before is the commit before the newest migration, from the history of the checkout.
"""

import io
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from outbox.store.migration import newest, script_location
from tests.support.daemon import RunningDaemon
from tests.support.ledger import LedgerSink

ROOT = Path(__file__).resolve().parents[2]
PAGE = " ".join((ROOT / "docs/upgrading.md").read_text("utf-8").split())

_ENQUEUE = """
import sys, sqlalchemy, outbox
engine = sqlalchemy.create_engine(sys.argv[1])
if engine.dialect.name == "sqlite":
    outbox.prepare_sqlite(engine)
with engine.begin() as connection:
    outbox.enqueue(connection, sender="shop@example.org", to=sys.argv[2], subject="Hello", text="Hello.")
"""

pytestmark = pytest.mark.trial


class Release:
    """A tree of our code, and what people do with it, as the owner of the tables."""

    def __init__(self, tree: Path, url: str, folder: Path) -> None:
        self._tree = tree
        self._url = url
        self._folder = folder

    def call(self, *arguments: str) -> tuple[int, str]:
        """Run `outbox` to its end; return its exit code and what it said."""
        return self._python("-m", "outbox", *arguments, "--database-url", self._url)

    def enqueue(self, to: str) -> None:
        """Commit a mail, as an application does."""
        assert self._python("-c", _ENQUEUE, self._url, to) == (0, "")

    def daemon(self, port: int) -> RunningDaemon:
        """Return its daemon, not started yet."""
        daemon = RunningDaemon(self._url, self._folder, port=port)
        daemon._environment |= {"PYTHONPATH": str(self._tree), "OUTBOX_DATABASE_URL": self._url}
        return daemon

    def _python(self, *arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd=self._folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(self._tree)},
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the code of the release before."""
    (migration,) = (script_location() / "versions").glob(f"{newest()}_*.py")
    added = _git("log", "--diff-filter=A", "--format=%H", "--", str(migration)).decode().split()
    archive = _git("archive", f"{added[-1]}^", "outbox", "alembic") if added else b""
    if not archive:
        pytest.skip("the history of the checkout is missing: clone it whole.")
    place = tmp_path_factory.mktemp("before")
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(place, filter="data")
    return place


def _git(*arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], check=False, capture_output=True, cwd=ROOT)
    return done.stdout if done.returncode == 0 else b""


def assert_told_on_the_page(said: str, words: str) -> None:
    """Assert that `words` were said, and that the page quotes them."""
    assert words in " ".join(said.split())
    assert words in PAGE


def test_fault_42_two_releases_and_an_upgrade_between_them_behave_as_documented(
    tree: Path, database_url: str, tmp_path: Path
) -> None:
    before, now = Release(tree, database_url, tmp_path), Release(ROOT, database_url, tmp_path)
    with LedgerSink() as sink:
        assert before.call("db", "upgrade")[0] == 0
        before.enqueue("first@example.org")
        # This release's daemon on the tables of the one before.
        code, said = now.call("run")
        assert code == 78
        assert_told_on_the_page(said, "Run: outbox db upgrade")
        # No upgrade beside the daemon of the release before, which works on.
        with before.daemon(sink.port) as daemon:
            sink.wait_entries(1)
            code, said = now.call("db", "upgrade")
            assert code == 78
            assert_told_on_the_page(said, "Stop all daemons first")
            before.enqueue("second@example.org")
            sink.wait_entries(2)
            assert daemon.terminate() == 0
        before.enqueue("third@example.org")
        assert now.call("db", "upgrade")[0] == 0
        # The daemon of the release before on this one's tables; its application goes on.
        code, said = before.call("run")
        assert code == 78
        assert_told_on_the_page(said, "Upgrade the program: pip install --upgrade email-outbox")
        assert re.search(rf"does not know.*{newest()}|{newest()}.*does not know", " ".join(said.split()))
        before.enqueue("fourth@example.org")
        now.enqueue("fifth@example.org")
        with now.daemon(sink.port) as daemon:
            arrived = {entry.recipient.partition("@")[0] for entry in sink.wait_entries(5)}
            assert daemon.terminate() == 0
    assert arrived == {"first", "second", "third", "fourth", "fifth"}
    assert len(sink.entries()) == 5
