"""AUTH PLAIN says the password once, and nothing else does."""

import pytest

from outbox.smtp.auth import Credentials, choose_mechanism, plain
from outbox.smtp.command import UnsendableError


def test_plain_is_encoded_as_rfc_4616_shows() -> None:
    assert plain(Credentials("tim", "tanstaaftanstaaf")) == b"AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n"


def test_a_nul_is_refused_and_no_password_is_shown() -> None:
    for credentials in (Credentials("a\0b", "sesame"), Credentials("a", "sesame\0")):
        with pytest.raises(UnsendableError) as caught:
            plain(credentials)
        assert "sesame" not in str(caught.value)
        assert "sesame" not in repr(credentials)


def test_only_a_mechanism_that_both_speak_is_chosen() -> None:
    assert choose_mechanism(frozenset({"LOGIN", "PLAIN"})) == "PLAIN"
    assert choose_mechanism(frozenset({"LOGIN", "CRAM-MD5"})) is None
