from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.worker.disk import Disk


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """Give a disk with an open journal; at the end there is room on it again."""
    disk = Disk(tmp_path, monkeypatch)
    disk.journal.open()
    yield disk
    disk.full = False
    disk.journal.close()
