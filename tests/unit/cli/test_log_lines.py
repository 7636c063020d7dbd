"""Each form of the log: an event is one safe line, and shows no address unless that is asked for."""

import hmac
import json
import logging
import os
import pickle
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy.exc import OperationalError

from outbox import events
from outbox.cli.log_lines import JournalLines, JsonLines, Lines, tag
from outbox.cli.logs import logged_to_stderr
from outbox.events.record import mailbox
from tests.unit.worker.held import settlement

FORMS = [Lines, JournalLines, JsonLines]
ADDRESS = "ada@example.org"
KEY = "0123456789abcdef"
TAG = hmac.new(KEY.encode(), ADDRESS.encode(), "sha256").hexdigest()[:16]
HOSTILE = f"550 \x1b[2J\u202e<{ADDRESS}>\x85 unknown"


class Fault:
    """A fault of a relay, in its own words."""

    stage = "RCPT TO"

    def __init__(self, reason: str) -> None:
        self.reason = reason


@pytest.fixture(autouse=True)
def own_level() -> Iterator[None]:
    before = logging.getLogger("outbox").level
    logging.getLogger("outbox").setLevel(logging.DEBUG)
    yield
    logging.getLogger("outbox").setLevel(before)


def failed() -> ZeroDivisionError:
    """Return a fault of ours with its traceback."""
    try:
        raise ZeroDivisionError(f"{ADDRESS} \x1b[31m")  # noqa: TRY301 - for its traceback
    except ZeroDivisionError as error:
        return error


def test_a_line_of_json_has_the_event_its_fields_and_the_sentence(caplog: pytest.LogCaptureFixture) -> None:
    lost, successor = UUID(int=1), UUID(int=2)
    events.session_lost(lost, successor)
    line = json.loads(JsonLines(addresses=False).format(caplog.records[0]))
    assert datetime.fromisoformat(line.pop("time")).timestamp() == pytest.approx(
        caplog.records[0].created, abs=0.001
    )
    assert line == {
        "level": "ERROR",
        "event": "session_lost",
        "message": f"session {lost} was declared lost while it was silent; it goes on as {successor}",
        "session": str(lost),
        "successor": str(successor),
    }


def test_json_keeps_numbers_truth_values_and_none(caplog: pytest.LogCaptureFixture) -> None:
    events.verdict_refused(ValueError("no"), 7, "deliver", None, sent=True)
    line = json.loads(JsonLines(addresses=False).format(caplog.records[0]))
    assert (line["delivery_id"], line["sent"], line["answer"], line["reason"]) == (7, True, None, "no")


def test_no_field_of_an_event_has_the_name_of_a_part_of_the_line() -> None:
    ours = {"time", "level", "event", "logger", "message", "exception"}
    folder = Path(events.__file__).parent
    words = "".join(path.read_text() for path in folder.glob("*.py"))
    assert [name for name in ours if f"        {name}=" in words] == []


def test_a_traceback_is_one_field_of_json(caplog: pytest.LogCaptureFixture) -> None:
    events.sender_failed(failed())
    line = json.loads(JsonLines(addresses=False).format(caplog.records[0]))
    assert line["message"] == "a mail could not be handled: <address> \\x1b[31m"
    assert line["exception"].startswith("Traceback (most recent call last):\n")
    assert line["exception"].endswith("\nZeroDivisionError: <address> \\x1b[31m")


@pytest.mark.parametrize(("level", "priority"), [(10, 7), (20, 6), (30, 4), (40, 3), (50, 2)])
def test_a_line_for_the_journal_has_the_priority_of_its_level(level: int, priority: int) -> None:
    record = logging.LogRecord("asyncio", level, "", 0, "words", None, None)
    assert JournalLines(addresses=False).format(record) == f"<{priority}>asyncio: words"


def test_each_line_of_a_traceback_has_its_priority_and_an_event_its_name(
    caplog: pytest.LogCaptureFixture,
) -> None:
    events.sender_failed(failed())
    first, *rest = JournalLines(addresses=False).format(caplog.records[0]).splitlines()
    assert first == "<3>sender_failed: a mail could not be handled: <address> \\x1b[31m"
    assert rest[-1] == "<3>ZeroDivisionError: <address> \\x1b[31m"
    assert all(line.startswith("<3>") for line in rest)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("addresses", [False, True])
def test_fault_83_what_a_relay_says_is_escaped_and_shows_an_address_only_where_asked_for(
    form: type[Lines], caplog: pytest.LogCaptureFixture, *, addresses: bool
) -> None:
    events.relay_fault("mx", Fault(HOSTILE), 1.0)
    (line,) = form(addresses=addresses).format(caplog.records[0]).splitlines()
    assert (ADDRESS in line, "<address>" in line) == (addresses, not addresses)
    assert line.isprintable()
    said = json.loads(line)["reason"] if form is JsonLines else line
    assert r"550 \x1b[2J\u202e" in said


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("words", ["x" * 9000, "\x1b" * 9000, "\U000e0041" * 9000, "é\\" * 9000, '"' * 9000])
def test_fault_83_of_what_a_relay_says_a_line_has_at_most_512_bytes(
    form: type[Lines], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    for said in ("", words):
        events.relay_slow("mx", said)
    without, line = (form(addresses=True).format(record).encode() for record in caplog.records)
    # JSON says it twice: in the sentence, and as a field.
    times = 2 if form is JsonLines else 1
    assert 100 < len(line) - len(without) <= 512 * times


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("addresses", "key", "shown"),
    [
        (False, None, "<address>"),
        (False, KEY, f"<address:{TAG}>"),
        (True, None, ADDRESS),
        (True, KEY, ADDRESS),
    ],
)
def test_a_recipient_is_a_mark_a_tag_or_an_address_as_it_was_asked_for(
    form: type[Lines], key: str | None, shown: str, caplog: pytest.LogCaptureFixture, *, addresses: bool
) -> None:
    events.delivery_failed(settlement(recipient=ADDRESS))
    line = form(addresses=addresses, key=key).format(caplog.records[0])
    assert f"to {shown} failed" in line
    if form is JsonLines:
        assert json.loads(line)["recipient"] == shown


def test_a_tag_is_of_one_address_however_it_is_written_and_of_one_key() -> None:
    assert tag(ADDRESS, KEY) == tag(ADDRESS.title(), KEY) == TAG
    assert len({TAG, tag("bob@example.org", KEY), tag(ADDRESS, KEY[::-1])}) == 3


def test_a_recipient_that_nobody_knows_has_no_tag(caplog: pytest.LogCaptureFixture) -> None:
    events.delivery_failed(settlement())
    assert "to <address> failed" in Lines(addresses=False, key=KEY).format(caplog.records[0])


def test_a_recipient_keeps_its_tag_on_the_way_to_another_process() -> None:
    told = pickle.loads(pickle.dumps(mailbox(ADDRESS)))  # noqa: S301 - our own
    assert Lines(addresses=False, key=KEY)._said(told) == f"<address:{TAG}>"


@pytest.mark.parametrize("form", FORMS)
def test_what_a_relay_says_gets_no_tags(form: type[Lines], caplog: pytest.LogCaptureFixture) -> None:
    events.relay_fault("mx", Fault(HOSTILE), 1.0)
    line = form(addresses=False, key=KEY).format(caplog.records[0])
    assert ("<address>" in line, TAG in line) == (True, False)


@pytest.mark.parametrize("form", FORMS)
def test_what_a_library_says_shows_no_address_either(form: type[Lines]) -> None:
    record = logging.LogRecord("asyncio", 30, "", 0, "lost %s", (f"mail to {ADDRESS}",), None)
    assert "lost mail to <address>" in form(addresses=False).format(record)
    assert f"lost mail to {ADDRESS}" in form(addresses=True).format(record)


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.org",
        "<ada@example.org>",
        '"ada lovelace"@example.org',
        "ädä@exämple.org",
        "a%b@[192.0.2.1]",
    ],
)
def test_every_form_of_an_address_is_left_out(address: str, caplog: pytest.LogCaptureFixture) -> None:
    events.relay_slow("mx", f"user {address} is unknown")
    assert Lines(addresses=False).format(caplog.records[0]).endswith(" user <address> is unknown")


def test_a_database_is_told_without_what_it_says_of_the_mail(caplog: pytest.LogCaptureFixture) -> None:
    events.duty_failed(OperationalError("UPDATE …", {"to": ADDRESS}, Exception(f"bad row ({ADDRESS})")))
    for form in FORMS:
        assert ADDRESS not in form(addresses=False).format(caplog.records[0])


@pytest.mark.parametrize("named", [True, False])
def test_by_itself_the_form_is_the_journal_s_where_stderr_goes_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, named: bool
) -> None:
    with (tmp_path / "stderr").open("w") as stderr:
        there = os.fstat(stderr.fileno())
        # Also a child of a service whose stderr is a file of its own has inherited the name.
        stream = f"{there.st_dev}:{there.st_ino + (0 if named else 1)}"
        monkeypatch.setenv("JOURNAL_STREAM", stream)
        monkeypatch.setattr(sys, "stderr", stderr)
        with logged_to_stderr("INFO"):
            events.database_back()
    line = (tmp_path / "stderr").read_text()
    assert (line == "<6>database_back: the database answers again\n") is named
    assert line.endswith("INFO    the database answers again\n") is not named
