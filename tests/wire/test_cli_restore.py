"""`outbox db confirm-restore` lets mail go only when a person has read what it says, and says yes."""

import pytest

from tests.support.calling import call, value

pytestmark = pytest.mark.usefixtures("outbox_here")

QUESTION = "Let mail go? [y/N]:"


def restored() -> None:
    """Let the database wait for a person, as it does when a daemon has found that it went back far."""
    value("UPDATE outbox_meta SET restored_at = '2026-01-02 03:04:05.000000', epoch = 1")


def waits() -> bool:
    return value("SELECT count(*) FROM outbox_meta WHERE restored_at IS NOT NULL") == 1


@pytest.mark.parametrize("given", [b"n\n", b"\n", b""], ids=["no", "enter", "no terminal"])
def test_mail_goes_on_waiting_where_nobody_says_yes(given: bytes) -> None:
    restored()
    done = call("db", "confirm-restore", given=given)
    assert (done.exit_code, "mail goes" in done.output, waits()) == (1, False, True)
    before, question, _ = done.stdout.partition(QUESTION)
    assert question
    assert before.splitlines() == [
        "At 2026-01-02 03:04:05 UTC the database was found to have gone back in time; nothing is sent since.",
        "Daemons that have read their journals: none.",
        "Mail that only the journal of a daemon knows as sent that has not run since goes again.",
    ]


def test_mail_goes_once_a_person_says_yes() -> None:
    restored()
    done = call("db", "confirm-restore", given=b"y\n")
    assert (done.exit_code, waits()) == (0, False)
    assert QUESTION in done.output
    assert done.output.endswith("OK: mail goes.\n")


def test_a_script_is_not_asked() -> None:
    restored()
    done = call("db", "confirm-restore", "--yes")
    assert (done.exit_code, QUESTION in done.output, waits()) == (0, False, False)


def test_where_nothing_waits_nobody_is_asked() -> None:
    done = call("db", "confirm-restore", given=b"")
    assert (done.exit_code, done.output.startswith("Nothing waits for this")) == (0, True)
