"""`outbox catch`, seen from a client's side and from its user's."""

import os
import re
import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from outbox.cli.catch import catch
from outbox.cli.catcher import Catcher, Caught

MAIL = b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\n.a dot\r\nbody\r\n"
COMMAND = [sys.executable, "-c", "from outbox.cli.catch import catch; catch()", "--port", "0"]


@contextmanager
def client(port: int) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as smtp:
        yield smtp


def test_a_mail_is_answered_with_its_number_and_kept_as_it_came(tmp_path: Path) -> None:
    caught: list[Caught] = []
    with Catcher(folder=tmp_path, on_mail=caught.append) as catcher:
        with client(catcher.port) as smtp:
            assert smtp.ehlo()[0] == 250
            assert smtp.has_extn("pipelining")
            smtp.mail("a@example.org")
            smtp.rcpt("b@example.org")
            smtp.rcpt("c@example.org")
            assert smtp.data(MAIL) == (250, b"2.0.0 Ok: queued as 1")
        assert catcher.count == 1
    assert (caught[0].sender, caught[0].recipients) == ("a@example.org", ("b@example.org", "c@example.org"))
    assert (caught[0].content, caught[0].subject) == (MAIL, "Grüße")
    (file,) = tmp_path.iterdir()
    assert file.suffix == ".eml"
    assert file.read_bytes() == (
        b"X-Envelope-From: <a@example.org>\r\n"
        b"X-Envelope-To: <b@example.org>\r\n"
        b"X-Envelope-To: <c@example.org>\r\n" + MAIL
    )


def test_files_sort_by_arrival(tmp_path: Path) -> None:
    with Catcher(folder=tmp_path) as catcher, client(catcher.port) as smtp:
        for number in range(12):
            smtp.sendmail("a@example.org", ["b@example.org"], f"Subject: {number}\r\n\r\n")
    subjects = [re.findall(rb"Subject: (\d+)", path.read_bytes())[0] for path in sorted(tmp_path.iterdir())]
    assert subjects == [str(number).encode() for number in range(12)]


def test_a_pipelined_dialogue_is_answered_in_order() -> None:
    mail = b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n"
    with Catcher() as catcher, socket.create_connection(("127.0.0.1", catcher.port), timeout=10) as peer:
        peer.sendall(b"EHLO client\r\n" + mail)
        replies = peer.makefile("rb")
        seen = [next(replies)[:3]]
        while seen[-1] != b"354":
            seen.append(next(replies)[:3])
        peer.sendall(b"Subject: x\r\n\r\n.\r\n" + mail + b"\r\n.\r\nQUIT\r\n")
        rest = [line[:3] for line in replies]
        replies.close()
    assert seen[0] == b"220"
    assert seen[-3:] == [b"250", b"250", b"354"]
    assert rest == [b"250", b"250", b"250", b"354", b"250", b"221"]


def test_a_mail_that_cannot_be_stored_is_refused_for_now(tmp_path: Path) -> None:
    with Catcher(folder=tmp_path / "gone") as catcher, client(catcher.port) as smtp:
        smtp.ehlo()
        smtp.mail("a@example.org")
        smtp.rcpt("b@example.org")
        code, text = smtp.data(MAIL)
        assert catcher.count == 0
    assert (code, text) == (451, b"4.3.0 The mail cannot be stored: No such file or directory")


@pytest.mark.parametrize("subject", [b"=?no-such?q?x?=", b"=?utf-8?b?a?=", b"\xff\xfe"])
def test_a_broken_subject_is_shown_somehow(subject: bytes) -> None:
    caught: list[Caught] = []
    with Catcher(on_mail=caught.append) as catcher, client(catcher.port) as smtp:
        smtp.sendmail("a@example.org", ["b@example.org"], b"Subject: " + subject + b"\r\n\r\n")
    assert caught[0].subject


def test_stopping_ends_open_connections() -> None:
    catcher = Catcher()
    catcher.start()
    with socket.create_connection(("127.0.0.1", catcher.port), timeout=10) as peer:
        assert peer.recv(100).startswith(b"220")
        catcher.stop()
        with suppress(ConnectionResetError):
            assert peer.recv(100) == b""
    catcher.stop()


@pytest.mark.parametrize(
    ("number", "encoding", "arrow"), [(signal.SIGTERM, "utf-8", "→"), (signal.SIGINT, "ascii", "\\u2192")]
)
def test_the_command_prints_a_line_a_mail_and_a_summary(
    number: int, encoding: str, arrow: str, tmp_path: Path
) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path.cwd()),
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": encoding,
    }
    with subprocess.Popen(
        [*COMMAND, "--dir", str(tmp_path / "new")], stdout=subprocess.PIPE, encoding=encoding, env=environment
    ) as process:
        assert process.stdout is not None
        port = int(re.findall(r":(\d+);", process.stdout.readline())[0])
        with client(port) as smtp:
            smtp.sendmail("a@example.org", ["b@example.org"], "Subject: =?utf-8?q?red=1B[31m=0Anew?=\r\n\r\n")
        line = process.stdout.readline()
        process.send_signal(number)
        rest = process.stdout.read()
    assert line.endswith(f"<a@example.org> {arrow} b@example.org  red\\x1b[31m\\nnew\n")
    assert rest == f"Caught 1 mail, kept in {tmp_path / 'new'}.\n"
    assert process.returncode == 0


def test_only_loopback_is_served() -> None:
    outcome = CliRunner().invoke(catch, ["--host", "0.0.0.0"])  # noqa: S104 -- it must be refused
    assert (outcome.exit_code, "not loopback" in outcome.output) == (64, True)


def test_a_taken_port_is_named() -> None:
    with Catcher() as catcher:
        outcome = CliRunner().invoke(catch, ["--port", str(catcher.port)])
    assert outcome.exit_code == 69
    assert f"Cannot listen at 127.0.0.1:{catcher.port}: " in outcome.output


def test_a_missing_extra_is_named_with_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiosmtpd.smtp", None)
    monkeypatch.delitem(sys.modules, "outbox.cli.catcher")
    outcome = CliRunner().invoke(catch, [])
    assert (outcome.exit_code, "pip install 'email-outbox[catch]'" in outcome.output) == (69, True)


def test_a_folder_that_cannot_be_made_is_named() -> None:
    result = CliRunner().invoke(catch, ["--port", "0", "--dir", "/proc/nope"])
    assert result.exit_code == 69
    assert "--dir '/proc/nope' cannot be made" in result.output
