"""What is read is signed before a sender sees it, and one mail that breaks this stops no other."""

from dataclasses import replace
from typing import Any

from outbox.delivery.dkim.signer import Signer
from outbox.mail.verdict import Deferred
from outbox.smtp.stage import Stage
from outbox.store.bodies import Message
from outbox.worker.budget import Budget
from outbox.worker.sender import _without_bytes
from outbox.worker.signing import Signing
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


def test_a_message_without_bytes_keeps_its_problem() -> None:
    empty = replace(MAIL, mime=b"", problem="why")
    assert Signing(both(), lambda: AT)(empty) == empty


def test_a_parcel_has_the_signed_body_and_counts_its_size() -> None:
    scene = Scene(*mails(2))

    def sign(given: Message) -> Message:
        return replace(given, mime=b"signed")

    queue: Any = scene.queue
    threads: Any = NoThreads()
    scene.supply = Supply(queue, threads, scene.holdings, Budget(), scene.tray, lambda _: 50, sign=sign)
    scene.claim()
    assert [(p.message and p.message.mime, p.size) for p in scene.load()] == [(b"signed", 6)] * 2
