"""`outbox sendmail` queues what programs hand to sendmail, and its exit codes tell them what became of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from outbox.store.grants import Role
from tests.support.calling import CHECKOUT, call, refused, value
from tests.support.users import as_role, migrated
from tests.support.waiting import free_port

pytestmark = pytest.mark.usefixtures("alone")
MESSAGE = b"From: Ada <ada@example.org>\nTo: bob@example.org\nBcc: carl@example.org\nSubject: Tea\n\nHot.\n"


def sendmail(*args: str, given: bytes = MESSAGE) -> None:
    """Call it; like sendmail it says nothing."""
    done = call("sendmail", *args, given=given)
    assert (done.exit_code, done.output) == (0, "")


def queued() -> tuple[object, list[object], bytes]:
    """Return the sender, the recipients and the bytes of the one mail."""
    engine = create_engine("sqlite:///outbox.sqlite3")
    with engine.connect() as connection:
        ((sender, mime),) = connection.execute(text("SELECT sender, mime FROM outbox_message"))
        recipients = (
            connection.execute(text("SELECT recipient FROM outbox_delivery ORDER BY n")).scalars().all()
        )
    engine.dispose()
    return sender, [*recipients], bytes(mime)


@pytest.mark.usefixtures("outbox_here")
def test_with_t_it_goes_to_whom_the_header_names_and_bcc_is_gone() -> None:
    sendmail("-t", "-i")
    sender, recipients, mime = queued()
    assert (sender, recipients) == ("ada@example.org", ["bob@example.org", "carl@example.org"])
    added, _, rest = mime.partition(b"From: Ada")
    assert rest == b" <ada@example.org>\r\nTo: bob@example.org\r\nSubject: Tea\r\n\r\nHot.\r\n"
    assert sorted(line.partition(b":")[0] for line in added.splitlines()) == [b"Date", b"Message-ID"]


@pytest.mark.usefixtures("outbox_here")
def test_recipients_are_those_of_the_arguments_and_the_header_has_no_say() -> None:
    sendmail("-i", "-f", "bounces@example.org", "--", "dora@example.org,erin@example.org", "-odd@example.org")
    sender, recipients, mime = queued()
    assert sender == "bounces@example.org"
    assert recipients == ["dora@example.org", "erin@example.org", "-odd@example.org"]
    assert b"carl" not in mime


@pytest.mark.usefixtures("outbox_here")
def test_the_mail_of_cron_gets_domains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_SENDER", "Shop <shop@example.org>")
    cron = (
        b"From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@web> backup\nMIME-Version: 1.0\n"
        b"Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n"
        b"Auto-Submitted: auto-generated\n\n\xc3\xa4\n"
    )
    sendmail("-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root", given=cron)
    sender, recipients, mime = queued()
    assert (sender, recipients) == ("root@example.org", ["root@example.org"])
    assert b"From: Cron Daemon <root@example.org>\r\nTo: root@example.org\r\nSubject: Cron <root@web>" in mime
    assert mime.endswith(b"\r\n\r\n\xc3\xa4\r\n")


@pytest.mark.usefixtures("outbox_here")
@pytest.mark.parametrize(
    ("args", "sender", "start"),
    [
        ((), "shop@example.org", b"From: shop@example.org"),
        (("-F", "The Shop"), "shop@example.org", b"From: The Shop <shop@example.org>"),
        (("-f", "me"), "me@example.org", b"From: me@example.org"),
    ],
)
def test_a_message_without_from_gets_one(
    args: tuple[str, ...], sender: str, start: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTBOX_SENDER", "Shop <shop@example.org>")
    sendmail(*args, "bob@example.org", given=b"Subject: Tea\n\nHot.\n")
    found, _, mime = queued()
    assert (found, start in mime) == (sender, True), mime


@pytest.mark.usefixtures("outbox_here")
def test_without_any_sender_it_is_the_user_at_this_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_SMTP_HELLO", "web.example.org")
    monkeypatch.setenv("LOGNAME", "ann")
    sendmail("bob", given=b"Hot.\n")
    sender, recipients, mime = queued()
    assert (sender, recipients) == ("ann@web.example.org", ["bob@web.example.org"])
    assert mime.endswith(b"\r\n\r\nHot.\r\n")


@pytest.mark.usefixtures("outbox_here")
def test_a_user_without_a_name_is_no_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    code, said = refused("sendmail", "bob@example.org", given=b"Hot.\n")
    assert (code, "Give -f ADDRESS, or set OUTBOX_SENDER" in said) == (64, True)


@pytest.mark.usefixtures("outbox_here")
@pytest.mark.parametrize(
    ("args", "body"),
    [((), b"One.\r\n"), (("-i",), b"One.\r\n.\r\nTwo.\r\n"), (("-oi",), b"One.\r\n.\r\nTwo.\r\n")],
)
def test_a_lone_dot_ends_the_message_unless_it_is_told_otherwise(args: tuple[str, ...], body: bytes) -> None:
    sendmail(*args, "bob@example.org", given=b"From: a@example.org\n\nOne.\n.\nTwo.\n")
    assert queued()[2].partition(b"\r\n\r\n")[2] == body


@pytest.mark.usefixtures("outbox_here")
def test_with_v_its_id_is_printed() -> None:
    done = call("sendmail", "-v", "-t", given=MESSAGE)
    assert (done.exit_code, done.stdout.strip().replace("-", "")) == (
        0,
        value("SELECT id FROM outbox_message"),
    )


@pytest.mark.usefixtures("outbox_here")
@pytest.mark.parametrize(
    ("args", "given", "expected", "words"),
    [
        ((), MESSAGE, 64, "There is no recipient"),
        (("-bp",), MESSAGE, 64, "outbox list"),
        (("-f", "", "bob@example.org"), MESSAGE, 64, "a mail without a sender is not queued"),
        (("-t",), b"Subject: Tea\n\nTo: nobody\n", 64, "There is no recipient"),
        (("-t",), b"To: a@x.org b@x.org\n\nHot.\n", 65, "to: is no list of addresses"),
        (("a@@b",), MESSAGE, 65, "recipient: "),
        (("bob@example.org",), b"", 65, "mime: is empty"),
    ],
)
def test_what_can_never_be_sent_is_refused(
    args: tuple[str, ...], given: bytes, expected: int, words: str
) -> None:
    code, said = refused("sendmail", *args, given=given)
    assert (code, words in said) == (expected, True), said
    assert value("SELECT count(*) FROM outbox_message") == 0


@pytest.mark.usefixtures("outbox_here")
def test_a_message_above_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_MAX_SIZE", "1000")
    code, said = refused("sendmail", "-t", given=MESSAGE + b"x" * 1000)
    assert (code, "above the limit" in said) == (65, True)


def test_a_database_that_is_away_is_told_as_for_now() -> None:
    url = f"postgresql://app@127.0.0.1:{free_port()}/app"
    Path("outbox.toml").write_text(f'database_url = "{url}"\n')
    assert refused("sendmail", "-t", given=MESSAGE)[0] == 75


@pytest.mark.usefixtures("outbox_here")
def test_the_relay_and_its_secrets_are_not_the_caller_s_business() -> None:
    # A user name without its password, and a file that nobody may read: the daemon's, not ours.
    Path("outbox.toml").write_text('smtp_username = "shop"\nsmtp_ca_file = "/root/nowhere.pem"\n')
    sendmail("-t")
    assert queued()[1] == ["bob@example.org", "carl@example.org"]


@pytest.mark.usefixtures("outbox_here")
def test_but_a_setting_that_there_is_not_is_told() -> None:
    Path("outbox.toml").write_text("max_sice = 3\n")
    code, said = refused("sendmail", "-t", given=MESSAGE)
    assert (code, "Did you mean max_size?" in said) == (78, True)


def test_the_rights_of_an_application_suffice(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    migrated(postgresql_url)
    monkeypatch.setenv("OUTBOX_DATABASE_URL", as_role(postgresql_url, Role.APP))
    sendmail("-t")
    engine = create_engine(postgresql_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM outbox_delivery")).scalar_one() == 2
    engine.dispose()


@pytest.mark.usefixtures("outbox_here")
def test_the_wrapper_of_the_page_stands_in_for_sendmail() -> None:
    page = (Path(CHECKOUT) / "docs" / "check.md").read_text()
    script = next(block for block in page.split("```") if block.startswith("sh\n#!/bin/sh\n"))[3:]
    Path("outbox.toml").write_text('database_url = "sqlite:///outbox.sqlite3"\n')
    script = script.replace("/opt/outbox/.venv/bin/outbox", f"{sys.executable} -m outbox")
    wrapper = Path("sendmail")
    wrapper.write_text(script.replace("/etc/outbox/outbox.toml", "outbox.toml"))
    wrapper.chmod(0o700)
    subprocess.run(["./sendmail", "-t", "-i"], input=MESSAGE, check=True, env={**os.environ})
    assert queued()[1] == ["bob@example.org", "carl@example.org"]
