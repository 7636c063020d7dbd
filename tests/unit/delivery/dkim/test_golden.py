"""dkimpy verifies every shape of mail that is kept as a file, as it is sent."""

import pytest

from outbox.delivery.dkim.key import Kind
from outbox.delivery.dkim.signer import Signer
from tests.support.shapes import GOLDEN, SHAPES
from tests.support.signatures import AT, records, signatory, verified

SIGNER = Signer([signatory(kind, "example.com") for kind in Kind])


@pytest.mark.parametrize("name", SHAPES)
def test_both_signatures_of_every_golden_mail_are_good(name: str) -> None:
    mime = (GOLDEN / f"{name}.eml").read_bytes()
    signed = SIGNER.signed(mime, AT)
    assert signed.endswith(mime)
    assert verified(signed, records(SIGNER.signatories)) == [True, True]
