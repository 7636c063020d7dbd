"""The ledger holds what was answered, whatever happens to the server that wrote it."""

import hashlib
import smtplib
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.ledger import Entry, LedgerSink

BODY = b"one\r\n.two\r\n\r\nthree\r\n"
MAIL = b"From: a@example.org\r\nMessage-ID: <1@example.org>\r\n\r\n" + BODY
ENVELOPE = b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n"


def entry(recipient: str, body: bytes = BODY, message_id: str = "<1@example.org>") -> Entry:
    return Entry(message_id, recipient, hashlib.sha256(body).hexdigest())


def test_each_recipient_is_an_entry_with_the_hash_of_the_unstuffed_body() -> None:
    with LedgerSink() as sink, smtplib.SMTP(sink.host, sink.port, timeout=10) as smtp:
        smtp.sendmail("a@example.org", ["b@example.org", "c@example.org"], MAIL)
        assert [entry("b@example.org"), entry("c@example.org")] == sink.entries()


def test_the_ledger_survives_a_kill_and_goes_on() -> None:
    with LedgerSink() as sink:
        for _ in range(2):
            with smtplib.SMTP(sink.host, sink.port, timeout=10) as smtp:
                smtp.sendmail("a@example.org", ["b@example.org"], MAIL)
            sink.stop()
            with pytest.raises(ConnectionRefusedError):
                smtplib.SMTP(sink.host, sink.port, timeout=10)
            sink.start()
        assert [entry("b@example.org")] * 2 == sink.entries()


def test_chained_mails_are_answered_in_order() -> None:
    with LedgerSink() as sink, socket.create_connection((sink.host, sink.port), timeout=10) as peer:
        dot = b"\r\n.\r\n"
        peer.sendall(b"HELO x\r\n" + ENVELOPE + b"A: 1\r\n\r\nx" + dot + ENVELOPE + b".\r\nQUIT\r\n")
        with peer.makefile("rb") as replies:
            codes = [line[:3] for line in replies]
        assert codes == b"220 250 250 250 354 250 250 250 354 250 221".split()
        assert [entry("b@example.org", b"x\r\n", ""), entry("b@example.org", b"", "")] == sink.entries()


def test_a_password_is_wanted_and_may_change_while_it_runs() -> None:
    with LedgerSink(user="u", password="old") as sink:
        with smtplib.SMTP(sink.host, sink.port, timeout=10) as smtp:
            with pytest.raises(smtplib.SMTPSenderRefused, match="Authentication required"):
                smtp.sendmail("a@example.org", ["b@example.org"], MAIL)
            smtp.login("u", "old")
            sink.set_password("new")
            smtp.sendmail("a@example.org", ["b@example.org"], MAIL)
        with smtplib.SMTP(sink.host, sink.port, timeout=10) as smtp:
            with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
                smtp.login("u", "old")
            assert caught.value.smtp_code == 535
            smtp.login("u", "new")
        assert len(sink.entries()) == 1


def test_readers_at_the_same_time_read_each_line_once(tmp_path: Path) -> None:
    sink = LedgerSink()
    sink._ledger = tmp_path / "ledger"
    lines = [f"<{n}@example.org>\tann@example.org\t{n:064x}\tclient\n" for n in range(3000)]
    with ThreadPoolExecutor(4) as pool, sink._ledger.open("a", buffering=1) as ledger:
        reading = [pool.submit(lambda: [sink.entries() for _ in range(200)]) for _ in range(4)]
        for line in lines:
            ledger.write(line)
        for each in reading:
            each.result()
    assert [f"<{n}@example.org>" for n in range(3000)] == [entry.message_id for entry in sink.entries()]
