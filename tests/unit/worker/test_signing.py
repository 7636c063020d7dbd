"""What is read is signed before a sender sees it, and one mail that breaks this stops no other."""

from dataclasses import replace
from typing import Any

import pytest

from outbox.delivery.dkim.signer import Signer
from outbox.mail.verdict import Deferred
from outbox.smtp.stage import Stage
from outbox.store.bodies import Message
from outbox.worker.budget import Budget
from outbox.worker.sender import _without_bytes
from outbox.worker.signing import _MOST_TOLD, Signing
from outbox.worker.supply import Supply
from tests.support.signatures import AT, both, records, verified
from tests.unit.worker.held import NoThreads, message
from tests.unit.worker.supplied import Scene, mails

MAIL = replace(message(), mime=b"From: shop@example.org\r\n\r\nHot.\r\n")


class Broken(Signer):
    """Breaks."""

    def signed(self, mime: bytes, at: int) -> bytes:
        raise RuntimeError(f"{len(mime)} bytes at {at}")


def test_a_message_gets_the_signatures_of_the_time_of_its_reading() -> None:
    signer, now = both(), [AT + 0.9]
    sign = Signing(signer, lambda: now[0])
    signed = sign(MAIL)
    assert signed == replace(MAIL, mime=signer.signed(MAIL.mime, AT))
    assert verified(signed.mime, records(signer.signatories)) == [True, True]
    now[0] += 3600
    assert sign(MAIL).mime == signer.signed(MAIL.mime, AT + 3600)


def test_a_message_that_cannot_be_signed_is_put_off_and_never_goes_unsigned() -> None:
    broken = Signing(Broken([]), lambda: AT)(MAIL)
    reason = f"it cannot be signed: unexpected RuntimeError in the daemon: {len(MAIL.mime)} bytes at {AT}"
    assert replace(MAIL, mime=b"", problem=reason, may_pass=True) == broken
    assert Deferred(Stage.BODY.value, reason, None) == _without_bytes(broken)


def test_mail_of_a_domain_without_a_key_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    sign = Signing(both(), lambda: AT)
    for sender in (
        b"a@mail.example.org",
        b"b@Mail.example.org",
        b"shop@example.org",
        b"a@b.example, c@d.example",
    ):
        mail = replace(MAIL, mime=b"From: %s\n\nHot." % sender)
        assert sign(mail).mime.endswith(mail.mime)
    assert [record.getMessage().partition(",")[0] for record in caplog.records] == [
        "mail from mail.example.org goes unsigned",
        "mail from more or less than one mailbox goes unsigned",
    ]


def test_only_so_many_domains_without_a_key_are_told(caplog: pytest.LogCaptureFixture) -> None:
    sign = Signing(both(), lambda: AT)
    for n in range(_MOST_TOLD + 1):
        sign(replace(MAIL, mime=b"From: a@%d.example\r\n\r\nHot.\r\n" % n))
    assert len(caplog.records) == _MOST_TOLD


def test_a_message_without_bytes_keeps_its_problem(caplog: pytest.LogCaptureFixture) -> None:
    empty = replace(MAIL, mime=b"", problem="why")
    assert Signing(both(), lambda: AT)(empty) == empty
    assert caplog.records == []


def test_a_parcel_has_the_signed_body_and_counts_its_size() -> None:
    scene = Scene(*mails(2))

    def sign(given: Message) -> Message:
        return replace(given, mime=b"signed")

    queue: Any = scene.queue
    threads: Any = NoThreads()
    scene.supply = Supply(queue, threads, scene.holdings, Budget(), scene.tray, lambda _: 50, sign=sign)
    scene.claim()
    assert [(p.message and p.message.mime, p.size) for p in scene.load()] == [(b"signed", 6)] * 2
