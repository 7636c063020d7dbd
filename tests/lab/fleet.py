"""Several daemons on one queue; each start has its own name, by which the ledger tells whose dots came."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from sqlalchemy import Engine

from tests.lab.autopsy import autopsy
from tests.lab.oracle import Kill
from tests.support.daemon import RunningDaemon


@dataclass(frozen=True, slots=True)
class Run:
    """One start of a daemon, its name in EHLO, and the directory of its journal, if it keeps one."""

    name: str
    daemon: RunningDaemon
    state: Path | None


class Fleet:
    """Daemons that send through `port`; a killed one is started again at once, as on the same host."""

    def __init__(self, url: str, folder: Path, *, port: int, lease_ttl: float, journals: Path | None) -> None:
        self._url = url
        self._folder = folder
        self._port = port
        self._ttl = lease_ttl
        self._journals = journals
        self._launched = 0
        self._runs: list[Run] = []

    def launch(self, state: Path | None = None) -> None:
        """Start one more, without waiting for it; in `state` it finds what the one before it has left."""
        self._launched += 1
        name = f"run{self._launched}.example"
        settings: dict[str, object] = {"smtp_hello": name, "lease_ttl": self._ttl}
        if self._journals:
            state = state or self._journals / f"state{self._launched}"
            state.mkdir(exist_ok=True)
            # Its doubts shall end within the run.
            settings |= {"state_dir": state, "doubt_pause": 0.1}
        daemon = RunningDaemon(self._url, self._folder, port=self._port, **settings)
        daemon.launch()
        self._runs.append(Run(name, daemon, state))

    @property
    def pids(self) -> list[int]:
        """The numbers of their processes."""
        return [run.daemon.pid for run in self._runs]

    def any(self, random: Random) -> Run:
        """Return one of them, whose session has begun."""
        run = random.choice(self._runs)
        run.daemon.wait_begun()
        return run

    def kill(self, run: Run, engine: Engine) -> Kill:
        """Kill it where it stands, start another in its place, and return what it held."""
        pid = run.daemon.pid
        run.daemon.kill()
        found = autopsy(engine, run.name, pid)
        self._runs.remove(run)
        self.launch(run.state)
        return found

    def replace(self, run: Run) -> int:
        """Stop it in order, and start another in its place, as a deploy does; return its exit code."""
        code = run.daemon.terminate()
        self._runs.remove(run)
        self.launch(run.state)
        self._runs[-1].daemon.wait_begun()
        return code

    def resume(self) -> None:
        """Start another in the place of each, after `terminate`."""
        runs, self._runs = self._runs, []
        for run in runs:
            self.launch(run.state)

    def terminate(self) -> list[int]:
        """Ask one after the other to drain; return their exit codes."""
        for run in self._runs:
            run.daemon.wait_begun()
        return [run.daemon.terminate() for run in self._runs]

    def end(self) -> None:
        """Kill all that are left."""
        for run in self._runs:
            run.daemon.kill()


@contextmanager
def fleet(
    url: str, folder: Path, *, port: int, size: int, lease_ttl: float, journals: Path | None = None
) -> Iterator[Fleet]:
    """Run `size` daemons, with their journals in `journals` or with none, and leave none behind."""
    daemons = Fleet(url, folder, port=port, lease_ttl=lease_ttl, journals=journals)
    try:
        for _ in range(size):
            daemons.launch()
        yield daemons
    finally:
        daemons.end()
