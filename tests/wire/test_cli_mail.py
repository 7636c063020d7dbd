"""Mail on the command line: put into the queue, listed, shown, and waited for."""

import json
import os
import re
import subprocess
from pathlib import Path
from uuid import UUID

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from outbox.cli.catcher import Catcher, Caught
from tests.support.calling import MAIL, OUTBOX, call, daemon, refused, sent_id, value

pytestmark = pytest.mark.usefixtures("outbox_here")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--to", "x"), "to: has no @"),
        (("--subject", "a\nb"), "subject: "),
        (("--send-at", "2030-01-01T09:00"), "Give one like 2030-01-31T09:00:00+01:00, with its time zone."),
        (("--template", "welcome"), "subject: is given beside a template"),
        (("--context", "-"), "is no JSON object"),
    ],
)
def test_a_mail_that_cannot_be_sent_is_refused_with_64(args: tuple[str, ...], said: str) -> None:
    code, told = refused(*MAIL, *args, given=b"[]")
    assert (code, said in told) == (64, True)
    assert value("SELECT count(*) FROM outbox_message") == 0


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("--from", "There is no sender. Give --from ADDRESS, or set OUTBOX_SENDER."),
        ("--to", "There is no recipient. Give --to ADDRESS, or --cc or --bcc."),
        ("--text", 'There is no body. Give --text, --html or --template; --text "" for none.'),
    ],
)
def test_what_no_mail_goes_without_is_told_in_the_words_of_the_command(missing: str, said: str) -> None:
    args = [*MAIL]
    del args[(at := args.index(missing)) : at + 2]
    for more in ((), ("--straight",)):
        code, told = refused(*args, *more)
        assert (code, told.splitlines()[-1]) == (64, f"Error: {said}")


def test_a_template_that_lacks_a_variable_names_it() -> None:
    to = ("--to", "a@example.com", "--from", "b@example.com")
    code, said = refused("send", *to, "--template", "welcome", "--context", "-", given=b'{"product": "P"}')
    assert (code, "'name' is undefined" in said) == (64, True)


def test_a_template_speaks_the_language_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = Catalog(locale="fr")
    catalogue.add("Hello", "Bonjour")
    file = Path("po", "fr", "LC_MESSAGES", "messages.mo")
    file.parent.mkdir(parents=True)
    with file.open("wb") as opened:
        write_mo(opened, catalogue)
    Path("mails").mkdir()
    Path("mails", "a.mail").write_text(
        "{% block subject %}{{ _('Hello') }}{% endblock %}{% block text %}{% endblock %}"
    )
    monkeypatch.setenv("OUTBOX_TEMPLATES", "mails")
    monkeypatch.setenv("OUTBOX_TRANSLATIONS", "po")
    to = ("--to", "a@example.com", "--from", "b@example.com")
    assert call("send", *to, "--template", "a", "--locale", "fr-CA").exit_code == 0
    assert value("SELECT subject FROM outbox_message") == "Bonjour"


def test_the_sender_comes_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_SENDER", "shop@example.com")
    assert call("send", "--to", "a@example.com", "--text", "").exit_code == 0


def test_the_same_key_is_queued_once() -> None:
    assert sent_id("--key", "k") == sent_id("--key", "k")
    code, said = refused(*MAIL, "--key", "k", "--subject", "Other")
    assert (code, "'k' already belongs" in said) == (69, True)


def test_a_mail_from_the_shell_waits_in_the_stream_that_it_names() -> None:
    sent_id("--stream", "bulk")
    assert value("SELECT min(stream) FROM outbox_delivery") == "bulk"
    code, told = refused(*MAIL, "--stream", "two words")
    assert (code, "stream: is no name of a stream: 'two words'" in told) == (64, True)


def test_messages_are_listed_for_people_and_programs() -> None:
    assert call("list").stdout == "No messages.\n"
    first, second = sent_id(), sent_id("--to", "bob@example.com", "--subject", "hostile")
    # No mail of ours has such a subject; rows that come by plain SQL may.
    value("UPDATE outbox_message SET subject = 'x' || char(27) || '[31m' WHERE subject = 'hostile'")
    heads, *lines = call("list").stdout.splitlines()
    assert heads.split() == ["created", "id", "status", "sent", "subject"]
    assert {line.split()[2] for line in lines} == {first, second}
    assert [line.split()[3:] for line in lines if second in line] == [["pending", "0/2", "x\\x1b[31m"]]
    rows = [json.loads(line) for line in call("list", "--json").stdout.splitlines()]
    assert {row["id"] for row in rows} == {first, second}
    assert {row["created_at"][-6:] for row in rows} == {"+00:00"}
    assert len(call("list", "--limit", "1").stdout.splitlines()) == 2
    assert call("list", "--status", "sent").stdout == "No messages are sent.\n"
    assert call("list", "--status", "sent", "--json").stdout == ""
    value("UPDATE outbox_delivery SET status = 'held' WHERE recipient = 'bob@example.com'")
    # The other recipient's waits still: so does the mail, though it is found by either.
    assert re.search(r"pending +0/2", call("list", "--status", "held").stdout)


def test_a_message_is_shown_by_each_of_its_names() -> None:
    id_ = sent_id("--key", "order-7", "--bcc", "boss@example.com")
    value(
        "INSERT INTO outbox_attempt (delivery_id, fence, verdict, stage, reply_code, reply) "
        "VALUES (2, 1, 'defer', 'RCPT TO', 450, 'try later')",
    )
    shown = call("show", id_).stdout
    assert shown == call("show", "order-7").stdout
    assert shown == call("show", f"<{UUID(id_).hex}@example.com>").stdout
    for word in (
        "status      pending",
        "key         order-7",
        "boss@example.com",
        "450 try later",
        "RCPT TO",
    ):
        assert word in shown
    row = json.loads(call("show", id_, "--json").stdout)
    assert (row["id"], row["status"], row["idempotency_key"]) == (id_, "pending", "order-7")
    assert [each["recipient"] for each in row["deliveries"]] == ["ada@example.com", "boss@example.com"]
    assert [each["reply"] for each in row["attempts"]] == ["try later"]
    code, said = refused("show", "nope")
    assert (code, "There is no message 'nope'" in said) == (64, True)


def test_why_a_message_waits_is_told_by_the_relays_of_the_settings() -> None:
    Path("outbox.toml").write_text(
        "[relays.main]\nurl = 'smtp://main.example'\n[relays.backup]\nurl = 'smtp://backup.example'\n"
        "[streams.default]\nrelay = ['main', 'backup']\n"
    )
    id_ = sent_id("--key", "tea-1")
    now = "strftime('%Y-%m-%d %H:%M:%f000', 'now')"
    value(
        "INSERT INTO outbox_session (id, host, pid, version, started_at, beat_at, ttl, state) "
        f"VALUES ('{'a' * 32}', 'h', 1, '1', {now}, {now}, 60, 'running')"
    )
    value(
        "INSERT INTO outbox_gate (kind, name, opened_at, open_until) "
        f"VALUES ('relay', 'main', '2026-01-02 03:04:05.000000', {now})"
    )
    said = call("why", "tea-1").stdout
    assert (
        "it is in its turn by the relay 'backup', as the relay 'main' is down since 2026-01-02 03:04:05Z"
        in said
    )
    told = json.loads(call("why", "tea-1", "--json").stdout)
    assert (told["message_id"], told["waits_for"], told["relay"]) == (id_, "in_turn", "backup")
    assert refused("why", "tea-2") == (64, "Error: There is no message 'tea-2'. See: outbox list\n")


def test_a_reason_that_recipients_share_is_told_once() -> None:
    to = [part for name in ("bob", "cid", "dan", "eve") for part in ("--to", f"{name}@example.org")]
    sent_id("--key", "tea", *to)
    *table, reason = call("why", "tea").stdout.splitlines()
    assert reason == "it is due, but no daemon is running: start one (outbox run)"
    assert [line.split("@")[0] for line in table[1:]] == ["ada", "bob", "cid", "dan", "eve", ""]
    call("hold", "tea", "--recipient", "eve@example.org")
    first, second = call("why", "tea").stdout.split("\n\n")[1:]
    assert first == f"ada@example.com, bob@example.org, cid@example.org and 1 more: {reason}"
    assert second.startswith("eve@example.org: held by ")


def test_a_doubt_is_shown_with_its_evidence() -> None:
    id_ = sent_id()
    value(
        "INSERT INTO outbox_attempt (delivery_id, fence, verdict, stage, detail, bytes_written, waited) "
        "VALUES (1, 1, 'doubt_resend', 'end of data', 'timed out', 1234, 600.04)"
    )
    value(
        "INSERT INTO outbox_attempt "
        "(delivery_id, fence, verdict, stage, reply_code, reply, bytes_written, waited) "
        "VALUES (1, 2, 'doubt_hold', 'end of data', 354, 'go on', 99, 0.25)"
    )
    said = [line.split("end of data")[1].strip() for line in call("show", id_).stdout.splitlines()[-2:]]
    assert said == [
        "timed out; 1,234 bytes written, no answer for 600 s",
        "354 go on; 99 bytes written, this answer after 0.2 s",
    ]
    attempts = json.loads(call("show", id_, "--json").stdout)["attempts"]
    assert [(row["bytes_written"], row["waited"]) for row in attempts] == [(1234, 600.04), (99, 0.25)]


def test_a_mail_from_the_shell_goes_the_whole_way() -> None:
    caught: list[Caught] = []
    Path("invoice.pdf").write_bytes(b"%PDF")
    with Catcher(on_mail=caught.append) as catcher, daemon(catcher.port):
        result = call(
            *("send", "--to", "Ada <ada@example.com>", "--bcc", "boss@example.com"),
            *("--from", "shop@example.com", "--subject", "Grüße", "--text", "-"),
            *("--attach", "invoice.pdf", "--wait", "30"),
            given="Zürich".encode(),
        )
    assert result.exit_code == 0, result.output
    id_, _, heads, *lines = result.stdout.splitlines()
    assert heads.split()[:3] == ["recipient", "status", "when"]
    assert [line.split()[:2] for line in lines] == [["ada@example.com", "sent"], ["boss@example.com", "sent"]]
    assert all("250 2.0.0 Ok: queued as 1" in line for line in lines)
    (mail,) = caught
    assert (mail.subject, sorted(mail.recipients)) == ("Grüße", ["ada@example.com", "boss@example.com"])
    assert b"invoice.pdf" in mail.content
    assert UUID(id_).hex.encode() in mail.content
    assert json.loads(call("list", "--json").stdout)["status"] == "sent"


def test_waiting_in_vain_ends_with_75() -> None:
    result = call(*MAIL, "--wait", "0")
    assert (result.exit_code, "Is the daemon running?" in result.stderr) == (75, True)
    assert "pending" in result.stdout


def test_a_mail_that_failed_ends_with_69() -> None:
    sent_id("--key", "k")
    value("UPDATE outbox_delivery SET status = 'failed', finished_at = due_at")
    result = call(*MAIL, "--key", "k", "--wait", "30")
    assert (result.exit_code, "Not every recipient was sent to" in result.stderr) == (69, True)


def test_a_mail_that_a_person_must_judge_is_not_waited_for() -> None:
    sent_id("--key", "k")
    value("UPDATE outbox_delivery SET status = 'in_doubt'")
    result = call(*MAIL, "--key", "k", "--wait", "30")
    assert (result.exit_code, "A person must decide" in result.stderr) == (75, True)


def test_a_terminal_without_a_character_shows_its_code() -> None:
    sent_id("--subject", "茶")
    done = subprocess.run(
        [*OUTBOX, "list"], capture_output=True, env={**os.environ, "PYTHONIOENCODING": "latin-1"}, check=True
    )
    assert b"\\u8336" in done.stdout
