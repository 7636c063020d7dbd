"""What relays and strangers say breaks no line of the log and no line of a command, and moves no cursor."""

import json
import re
import unicodedata
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.support.calling import call
from tests.support.daemon import RunningDaemon, application
from tests.support.scripted import Peer, scripted
from tests.support.waiting import wait_until

_HOSTILE = (
    "\x1b]0;owned\x07\x1b[2J\u202e\u2066evil\x00\x9b31m\u2028 2030-01-01 00:00:00+0000 ERROR forged \r bare"
)
_STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d{4} (INFO|WARNING|ERROR) ")
_MOST = 512 + len("RCPT TO: 550 5.7.1 ")
"""Characters that are kept: of a relay's words so many, and before them at what and by which code."""


def unsafe(words: str) -> set[str]:
    """Return the characters that move a cursor, end a line or turn text around."""
    return {each for each in words if unicodedata.category(each) in {"Cc", "Cf", "Zl", "Zp"}} - {"\n"}


def hostile(peer: Peer) -> None:
    """Refuse one mail and take the next, in such words."""
    peer.greet("PIPELINING", _HOSTILE)
    peer.hear_envelope()
    peer.say("250 ok", f"550-5.7.1 {_HOSTILE}", "550 5.7.1 " + "x" * 2000, "503 5.5.1 no")
    peer.hear("RSET")
    peer.say("250 ok")
    peer.take_envelope()
    peer.hear_message()
    peer.say(f"250 2.0.0 Ok: queued as {_HOSTILE}")


def unwilling(peer: Peer) -> None:
    """Greet with the like."""
    peer.say(f"554 5.3.2 {_HOSTILE}")
    peer.hear_the_end()


def test_fault_83_hostile_words_of_a_relay_stand_escaped_and_bounded_wherever_they_are_kept(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTBOX_DATABASE_URL", sqlite_url)
    with scripted(hostile, unwilling) as relay, application(sqlite_url) as app:
        app.enqueue(3)
        with RunningDaemon(sqlite_url, tmp_path, port=relay.port, connections=1) as daemon:
            wait_until(lambda: "forged" in daemon.log(), "it tells what the relay said")
            assert daemon.terminate() == 0
        with app.engine.begin() as connection:
            # As plain SQL may have it.
            connection.execute(text("UPDATE outbox_message SET subject = :subject"), {"subject": _HOSTILE})
            kept = connection.execute(text("SELECT reply, queue_id FROM outbox_delivery")).all()
            told = connection.execute(text("SELECT reply, detail FROM outbox_attempt")).all()
            faults = connection.execute(text("SELECT fault FROM outbox_gate")).all()
            ids = connection.execute(text("SELECT id FROM outbox_message")).scalars().all()
    words = [each for row in (*kept, *told, *faults) for each in row if each is not None]
    assert any("owned" in each for each in words)
    assert {each: unsafe(each) for each in words if unsafe(each)} == {}
    assert max(map(len, words)) <= _MOST
    for line in daemon.log().splitlines():
        assert _STAMP.match(line), line
        assert unsafe(line) == set()
        assert len(line) <= 2 * _MOST
    for arguments in (
        ["list"],
        *(["show", str(each)] for each in ids),
        *(["why", str(each)] for each in ids),
    ):
        said = call(*arguments)
        assert said.exit_code == 0, said.output
        assert unsafe(said.output) == set(), arguments
    assert json.loads(call("show", str(ids[0]), "--json").output)["subject"] == _HOSTILE
