"""What people do about mail on the command line: by its name, or about much of it by what it has."""

import getpass
import json
import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest

from outbox.cli import bulk
from outbox.store.batches import FEW
from tests.support.calling import OUTBOX, call, refused, sent_id, value
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("outbox_here")

MANY = 30


def fail(where: str = "1 = 1") -> None:
    """Let what is in the queue fail, past every rule."""
    value(f"UPDATE outbox_delivery SET status = 'failed', finished_at = due_at WHERE {where}")


def statuses() -> str:
    return str(value("SELECT group_concat(status) FROM (SELECT status FROM outbox_delivery ORDER BY id)"))


def many(stream: str = "bulk") -> None:
    """Enqueue MANY mails at once."""
    script = (
        "import outbox, sqlalchemy\n"
        "engine = sqlalchemy.create_engine('sqlite:///outbox.sqlite3')\n"
        "outbox.prepare_sqlite(engine)\n"
        "mails = outbox.Outbox(sender='shop@example.org')\n"
        "mail = dict(to='ada@example.org', subject='Tea', text='', tags={'order': 7}, stream='%s')\n"
        "with engine.begin() as connection: mails.enqueue_many(connection, [mail] * %d)"
    )
    subprocess.run([*OUTBOX[:1], "-c", script % (stream, MANY)], check=True)


def test_a_mail_is_meant_by_each_of_its_names_and_the_operator_s_is_kept() -> None:
    id_ = sent_id("--key", "tea-1")
    for verb, name, status in (
        ("hold", id_, "held"),
        ("release", "tea-1", "pending"),
        ("cancel", f"<{id_.replace('-', '')}@example.com>", "cancelled"),
    ):
        done = call(verb, name, "--note", "look")
        assert (done.exit_code, statuses()) == (0, status), done.output
        assert done.stdout.splitlines()[1].split()[2] == status
    told = value("SELECT group_concat(verdict || ' ' || who || ' ' || detail) FROM outbox_attempt")
    me = os.environ.get("SUDO_USER") or getpass.getuser()
    assert told == ",".join(f"{verb} {me} look" for verb in ("hold", "release", "cancel"))
    call("retry", "tea-1", "--as-new", "--who", "ann")
    assert value("SELECT who FROM outbox_attempt WHERE verdict = 'retry_as_new'") == "ann"
    assert statuses() == "cancelled,pending"


def test_what_cannot_be_done_is_told_in_the_words_of_the_command_line_and_ends_with_69() -> None:
    sent_id("--key", "k")
    fail()
    done = call("hold", "k")
    assert (done.exit_code, done.stderr) == (69, "Error: 0 of 1 were done.\n")
    assert "it failed: outbox retry tries it again" in done.stdout
    value("UPDATE outbox_delivery SET status = 'sent'")
    assert "it is sent: outbox retry --as-new sends it again" in call("retry", "k").stdout
    assert call("retry", "k", "--yes").exit_code == 69


def test_what_is_being_sent_gets_a_wish_and_that_is_told() -> None:
    sent_id("--key", "k")
    value(f"UPDATE outbox_delivery SET status = 'sending', session = '{'a' * 32}'")
    done = call("cancel", "k")
    assert (done.exit_code, "being sent: that cannot be stopped" in done.stdout) == (69, True)
    assert value("SELECT wish FROM outbox_delivery") == "cancel"


def test_of_a_mail_one_recipient_may_be_meant() -> None:
    sent_id("--key", "k", "--to", "bob@example.com")
    assert call("cancel", "k", "--recipient", "BOB@example.com").exit_code == 0
    assert statuses() == "pending,cancelled"


def test_a_recipient_that_the_mail_does_not_have_is_refused() -> None:
    sent_id("--key", "k")
    code, said = refused("cancel", "k", "--recipient", "eve@example.com")
    assert (code, "No recipient of that mail has this address" in said) == (64, True)


def test_nothing_is_done_where_one_of_the_names_is_unknown() -> None:
    sent_id("--key", "k")
    code, said = refused("cancel", "k", "x", "y")
    assert (code, "There is no message 'x', 'y'. Nothing was done." in said) == (64, True)
    assert statuses() == "pending"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("retry",), "Say which mail"),
        (("retry", "k", "--stream", "bulk"), "beside names --recipient alone"),
        (("retry", "--status", "sent"), "--status sent: retry takes of such mail what is failed, held,"),
        (("mark-sent", "--status", "held"), "mark-sent takes of such mail what is in_doubt."),
        (("cancel", "--since", "soon"), "'soon' is no instant. Give one like"),
        (("cancel", "--tag", "order"), "'order' is no tag. Give its name and its value"),
        (("cancel", "--recipient", "ada"), "recipient: has no @"),
        (("cancel", "k", "--who", "x" * 129), "who: is not 1 to 128 characters long"),
        (("hold", "k", "--as-new"), "No such option"),
    ],
)
def test_what_means_nothing_is_refused_and_changes_nothing(args: tuple[str, ...], said: str) -> None:
    sent_id("--key", "k")
    code, told = refused(*args)
    assert (code, said in told) == (64, True), told
    assert statuses() == "pending"


def test_much_is_asked_of_only_after_its_number_was_agreed_to() -> None:
    many()
    sent_id()
    refusal = call("cancel", "--tag", "order=7", given=b"n\n")
    assert (refusal.exit_code, "Cancel 30 deliveries (30 pending)? [y/N]" in refusal.stderr) == (1, True)
    assert refusal.stdout == ""
    nobody = refused("cancel", "--tag", "order=7", given=b"")
    assert (nobody[0], "Nobody answered, and nothing was changed. Give --yes." in nobody[1]) == (64, True)
    assert value("SELECT count(*) FROM outbox_delivery WHERE status = 'cancelled'") == 0
    done = call("cancel", "--tag", "order=7", given=b"y\n")
    assert (done.exit_code, done.stdout.splitlines()[-1].split()[:2]) == (0, ["30", "yes"])
    assert value("SELECT count(*) FROM outbox_delivery WHERE status = 'cancelled'") == MANY
    assert call("cancel", "--tag", "order=7", "--yes").stdout == "No deliveries are like that.\n"


def test_a_dry_run_tells_what_would_come_of_it_and_changes_nothing() -> None:
    many()
    call("suppress", "ada@example.org", "--why", "asked")
    fail("id < 5")
    value("UPDATE outbox_delivery SET recipient = 'bob@example.org' WHERE id = 1")
    said = call("retry", "--stream", "bulk", "--status", "failed", "--dry-run").stdout
    assert [line.split()[:2] for line in said.splitlines()[1:3]] == [["3", "no"], ["1", "yes"]]
    assert "outbox unsuppress the address first" in said
    assert said.endswith("Nothing was changed: this was --dry-run.\n")
    assert value("SELECT count(*) FROM outbox_attempt") == 0
    done = call("retry", "--stream", "bulk", "--status", "failed", "--yes").stdout
    assert [line.split()[:2] for line in done.splitlines()[-2:]] == [["3", "no"], ["1", "yes"]]
    assert call("retry", "--stream", "bulk", "--as-new", "--dry-run", "--json").stdout == ""
    assert call("retry", "--stream", "bulk", "--as-new", "--dry-run").stdout == (
        "Would send again as new mail what can be: 3 deliveries (3 failed).\n"
    )


def test_programs_get_an_object_for_each_delivery_and_nothing_else() -> None:
    many()
    lines = call("hold", "--stream", "bulk", "--yes", "--json").stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    assert [(row["before"], row["after"], row["done"]) for row in rows] == [("pending", "held", True)] * MANY
    assert call("cancel", "--stream", "news", "--yes", "--json").stdout == ""


def test_what_was_sent_again_as_a_new_mail_is_passed_over_the_next_time() -> None:
    many()
    fail()
    first, second = (call("retry", "--stream", "bulk", "--as-new", "--yes").stdout for _ in range(2))
    assert first.splitlines()[-1].split(None, 2) == ["30", "yes", "it is sent again as a new mail"]
    assert second.splitlines()[-1].split(None, 2)[:2] == ["30", "no"]
    assert value("SELECT count(*) FROM outbox_delivery") == 2 * MANY


@pytest.mark.parametrize("named", [("k",), ("--stream", "bulk", "--yes")])
def test_a_mail_of_many_recipients_goes_again_as_one(named: tuple[str, ...]) -> None:
    to = [part for n in range(FEW + 50) for part in ("--to", f"r{n}@example.org")]
    for key in ("j", "k"):
        sent_id("--stream", "bulk", "--key", key, *to)
    fail()
    assert call("retry", *named, "--as-new").exit_code == 0
    mails = 1 if named == ("k",) else 2
    assert value("SELECT count(*) FROM outbox_message") == 2 + mails
    assert value("SELECT count(*) FROM outbox_delivery WHERE status = 'pending'") == mails * (FEW + 51)


def test_a_signal_ends_it_between_two_batches_and_leaves_what_was_done(tmp_path: Path) -> None:
    many()
    # A batch of one each, and a reader that stops us behind the third: what follows waits for the signal.
    script = (
        "import outbox.cli.requests as requests, outbox.cli.bulk as bulk, os, sys, time\n"
        "requests.BATCH = 1\n"
        "tell = bulk.Tally.add\n"
        "def add(self, *args):\n"
        "    tell(self, *args)\n"
        f"    if self.seen == 3: open({str(tmp_path / 'third')!r}, 'w').close()\n"
        "    while self.seen == 3 and self.signal is None: time.sleep(0.01)\n"
        "bulk.Tally.add = add\n"
        "from outbox.cli import main; main(['hold', '--stream', 'bulk', '--yes'])"
    )
    with subprocess.Popen(
        [OUTBOX[0], "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_until((tmp_path / "third").exists, "three are done")
        process.send_signal(signal.SIGINT)
        out, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert told == "Error: Ended by a signal: 3 of 30 were asked, 27 are as they were.\n"
    assert out.splitlines()[-1].split()[:2] == ["3", "yes"]
    assert value("SELECT count(*) FROM outbox_delivery WHERE status = 'held'") == 3


def test_what_was_done_is_told_when_the_database_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    many()
    monkeypatch.setattr("outbox.cli.requests.BATCH", 10)
    add = bulk.Tally.add

    def take_away(tally: bulk.Tally, *args: list[int]) -> None:
        add(tally, *args)  # type: ignore[arg-type] # as it was called
        if tally.seen == 20:
            value("ALTER TABLE outbox_attempt RENAME TO outbox_gone")

    monkeypatch.setattr(bulk.Tally, "add", take_away)
    done = call("hold", "--stream", "bulk", "--yes")
    assert (done.exit_code, done.stdout.splitlines()[-1].split()[:2]) == (78, ["20", "yes"])
    assert value("SELECT count(*) FROM outbox_delivery WHERE status = 'held'") == 20


def test_a_bar_shows_how_far_it_is_on_a_terminal() -> None:
    many()
    mine, its = pty.openpty()
    environment = {name: each for name, each in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"}
    with subprocess.Popen(
        [*OUTBOX, "hold", "--stream", "bulk", "--yes"], stdout=its, stdin=its, env=environment
    ) as process:
        os.close(its)
        shown = b""
        while True:
            try:
                read = os.read(mine, 65536)
            except OSError:  # the terminal of a process that has ended
                break
            if not read:
                break
            shown += read
    os.close(mine)
    assert process.returncode == 0
    assert b"30/30" in shown
    assert "━".encode() in shown
