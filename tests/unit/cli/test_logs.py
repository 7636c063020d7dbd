"""What the daemon writes to stderr: one safe line an event, and no chatter of libraries."""

import logging

import pytest

from outbox.cli.logs import logged_to_stderr


def test_one_event_is_one_line_whatever_a_relay_says(capsys: pytest.CaptureFixture[str]) -> None:
    with logged_to_stderr("INFO"):
        logging.getLogger("outbox").warning("relay said: %s", "no\r\n2030 ERROR forged \x1b[31mred")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("WARNING relay said: no\\r\\n2030 ERROR forged \\x1b[31mred")


def test_a_traceback_keeps_its_lines_and_loses_its_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with logged_to_stderr("INFO"):
        logging.getLogger("outbox").error("failed", exc_info=ValueError("\x1b[31m"))
    assert capsys.readouterr().err.endswith(" ERROR   failed\nValueError: \\x1b[31m\n")


def test_the_level_is_that_of_our_events_alone(capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.getLogger("outbox").level
    with logged_to_stderr("DEBUG"):
        logging.getLogger("outbox").debug("ours")
        logging.getLogger("alembic.runtime").info("theirs")
        logging.getLogger("apscheduler.scheduler").warning("a duty that takes its time")
        logging.getLogger("alembic.runtime").warning("a warning of theirs")
    (ours, warning) = capsys.readouterr().err.splitlines()
    assert (ours.endswith("ours"), warning.endswith("a warning of theirs")) == (True, True)
    assert before == logging.getLogger("outbox").level
