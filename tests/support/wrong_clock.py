"""A daemon whose host has a wrong clock, which a test may step while it runs (libfaketime)."""

from pathlib import Path

from tests.support.daemon import RunningDaemon
from tests.support.missing import missing


class MisledDaemon(RunningDaemon):
    """A daemon whose wall clock is wrong by so much, such as `+1h`; steady clocks are left as they are."""

    def __init__(self, url: str, folder: Path, *, port: int, clock: str, **settings: object) -> None:
        super().__init__(url, folder, port=port, **settings)
        self._offset = self.log_file.with_suffix(".clock")
        self._environment |= {
            "LD_PRELOAD": _library(),
            "FAKETIME_TIMESTAMP_FILE": str(self._offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.step(clock)

    def step(self, clock: str) -> None:
        """Let its clock be wrong by another amount from now on."""
        unfinished = self._offset.with_suffix(".new")
        unfinished.write_text(clock)
        unfinished.replace(self._offset)


def _library() -> str:
    found = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if found is None:
        missing("libfaketime is missing: install the package libfaketime.")
    return str(found)
