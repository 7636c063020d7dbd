"""The demo makes its folder new, and touches no file that is not its own."""

from pathlib import Path

import pytest

from outbox.cli.demo_folder import DemoFolder
from outbox.cli.ending import CommandError


def test_a_folder_with_somebodys_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outbox.toml").write_text("mine")
    with pytest.raises(CommandError, match="is no demo's folder"), DemoFolder(tmp_path).claimed():
        pass
    assert (tmp_path / "outbox.toml").read_text() == "mine"


def test_an_earlier_demo_is_replaced_and_foreign_files_stay(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path / "new" / "demo")
    with folder.claimed():
        folder.mails.mkdir()
    ours = [folder.path / "demo.sqlite3", folder.run_log, folder.mails / "20300101T120000.000000-000001.eml"]
    foreign = [folder.path / "notes.txt", folder.mails / "mine.eml"]
    for path in (*ours, *foreign):
        path.touch()
    with folder.claimed():
        assert [path for path in ours if path.exists()] == []
        assert foreign == [path for path in foreign if path.exists()]


def test_two_demos_never_share_a_folder(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path)
    with (
        folder.claimed(),
        pytest.raises(CommandError, match="Another demo works"),
        DemoFolder(tmp_path).claimed(),
    ):
        pass
    with folder.claimed():
        pass
