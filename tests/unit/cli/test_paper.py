"""How commands print what strangers wrote, and when they dare to use more than lines."""

import sys
from datetime import datetime, timedelta, timezone

import pytest

from outbox.cli import paper

EVENING = datetime(2030, 1, 1, 20, 0, tzinfo=timezone(timedelta(hours=8)))


def test_a_cell_is_one_safe_line_and_times_are_in_utc() -> None:
    assert [paper.cell(value) for value in (None, EVENING, "a\nb\x1b[31m", 7)] == [
        "",
        "2030-01-01 12:00:00Z",
        "a\\nb\\x1b[31m",
        "7",
    ]


def test_columns_are_aligned_without_trailing_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    paper.print_table(("id", "subject"), [("1", "a"), ("1000", None)])
    assert capsys.readouterr().out == "id    subject\n1     a\n1000\n"


def test_a_terminal_gets_rich_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert paper.console() is None
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert paper.console() is not None
    monkeypatch.setenv("NO_COLOR", "1")
    assert paper.console() is None


def test_without_the_extra_a_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert paper.console() is None


def test_markup_in_a_subject_is_no_markup(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.console import Console  # noqa: PLC0415 - the console is made over the captured stdout

    monkeypatch.setattr(paper, "console", lambda: Console(width=80))
    paper.print_table(("subject",), [("[bold red]sale[/]",)])
    assert "[bold red]sale[/]" in capsys.readouterr().out


def test_a_terminal_that_is_too_narrow_folds_no_id(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.console import Console  # noqa: PLC0415 - as above

    id_ = "x" * 36
    for width in (120, 40):
        monkeypatch.setattr(paper, "console", lambda width=width: Console(width=width))
        paper.print_table(("id", "reason", "subject"), [(id_, None, "word " * 30)])
        shown = capsys.readouterr().out
        assert (id_ in shown, "reason" in shown) == (True, width == 40)
