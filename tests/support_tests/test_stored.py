"""What a server stored is compared without the fields that it put on top, and with every other byte."""

from pathlib import Path

import pytest

from tests.support.assorted import assorted
from tests.support.sending import envelope
from tests.support.stored import copies_of, in_dumps, in_maildirs

BODY = b"Subject: dots\r\nDelivered-To: ours\r\n\r\n..\r\n.one\r\n"
MAIL = envelope("b@example.org", "c@example.org", body=BODY)
TOP = (
    b"Return-Path: <a@example.com>\n"
    b"X-Original-To: %s\n"
    b"Delivered-To: %s\n"
    b"Received: from localhost\n\tby localhost; now\n"
)


def keep(folder: Path, owner: str, name: str, content: bytes) -> None:
    path = folder / owner / "new" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def lines(body: bytes) -> bytes:
    return body.replace(b"\r\n", b"\n")


def test_a_mail_in_a_maildir_counts_for_the_recipient_it_names(tmp_path: Path) -> None:
    for name in ("b@example.org", "c@example.org"):
        keep(tmp_path, "mail", name, TOP % (name.encode(), name.encode()) + lines(BODY))
    assert copies_of(MAIL) == in_maildirs(tmp_path)


def test_a_mail_that_names_nobody_counts_for_the_owner_of_its_maildir(tmp_path: Path) -> None:
    for owner in MAIL.recipients:
        keep(tmp_path, owner, "1", b"Return-Path: <a@example.com>\n" + lines(BODY))
    assert copies_of(MAIL) == in_maildirs(tmp_path)


def test_a_dump_counts_for_each_recipient_it_names(tmp_path: Path) -> None:
    top = (
        b"X-Client-Addr: 127.0.0.1\nX-Rcpt-Args: <b@example.org>\nX-Rcpt-Args: <c@example.org> NOTIFY=NEVER\n"
    )
    (tmp_path / "1").write_bytes(top + lines(BODY) + b"\n")
    assert copies_of(MAIL) == in_dumps(tmp_path)


@pytest.mark.parametrize(
    "changed",
    [
        BODY.replace(b"..\r\n", b".\r\n"),
        BODY.replace(b".one", b"..one"),
        BODY + b"\r\n",
        BODY.removesuffix(b"\r\n"),
        BODY.replace(b"Subject: dots\r\n", b""),
        BODY.replace(b"Delivered-To: ours\r\n", b""),
    ],
)
def test_every_changed_byte_makes_another_mail(changed: bytes, tmp_path: Path) -> None:
    for name in MAIL.recipients:
        keep(tmp_path, "mail", name, TOP % (name.encode(), name.encode()) + lines(changed))
    assert copies_of(MAIL) != in_maildirs(tmp_path)


def test_a_second_copy_is_counted(tmp_path: Path) -> None:
    for name in ("1", "2"):
        keep(tmp_path, "b@example.org", name, lines(BODY))
    once = copies_of(envelope("b@example.org", body=BODY))
    assert once + once == in_maildirs(tmp_path)


def test_the_assorted_mails_are_as_awkward_as_they_say() -> None:
    mails = assorted()
    bodies = [mail.body.partition(b"\r\n\r\n")[2] for mail in mails]
    assert max(len(line) for body in bodies for line in body.split(b"\r\n")) == 998
    assert max(len(mail.recipients) for mail in mails) == 20
    assert min(len(body) for body in bodies) == 0
    assert max(len(body) for body in bodies) > 1024 * 1024
    assert any(body.startswith(b".\r\n") for body in bodies)
    assert any(body.endswith(b"\r\n.\r\n") for body in bodies)
