"""By which relay a mail goes is told with why it goes by no other, as far as settings tell."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from outbox.mail.waiting import Waits, explain
from outbox.mail.way import Gate, Way
from tests.unit.mail.test_waiting import IN_TURN

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
MAIN = Gate("the relay 'main'", fault="connect: refused", open_until=AT, opened_at=AT - timedelta(hours=1))
BACKUP = Gate("the relay 'backup'", open_until=AT - timedelta(seconds=9))
MAIN_IS_DOWN = "the relay 'main' is down since 2026-06-01 11:00:00Z"


def test_what_goes_by_its_first_relay_is_told_so() -> None:
    found = explain(replace(IN_TURN, way=Way("main")))
    assert found.says == "it is in its turn by the relay 'main', with 3 ahead of it: nothing to do"


def test_what_goes_by_another_relay_tells_since_when_the_first_one_is_down() -> None:
    found = explain(replace(IN_TURN, way=Way("third", (MAIN, BACKUP))))
    assert found.waits_for is Waits.IN_TURN
    assert found.says == (
        f"it is in its turn by the relay 'third', as {MAIN_IS_DOWN} and the relay 'backup' is down, "
        "with 3 ahead of it: nothing to do"
    )


def test_where_all_relays_are_down_each_is_told_and_when_the_first_try_is() -> None:
    found = explain(replace(IN_TURN, gates=(MAIN, BACKUP), way=Way(None)))
    assert (found.waits_for, found.until) == (Waits.RELAY_FAULT, BACKUP.open_until)
    assert found.says == (
        f"{MAIN_IS_DOWN}: connect: refused; it is tried again at 2026-06-01 12:00:00Z; the relay 'backup' "
        "is down: its daemons could not reach it; it is tried again at 2026-06-01 11:59:51Z"
    )


def test_a_stream_that_no_relay_of_these_settings_takes_is_told() -> None:
    found = explain(replace(IN_TURN, way=Way(None)))
    assert (found.waits_for, "no relay of these settings takes its stream" in found.says) == (
        (Waits.NO_DAEMON, True)
    )
