"""Each mechanism says what its specification shows, once, and never more than it has to say."""

from base64 import b64decode
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.smtp import sasl
from outbox.smtp.sasl import AuthenticationError, Mechanism

MAKERS = [sasl.plain, sasl.login, sasl.xoauth2, sasl.oauthbearer]


def test_plain_says_what_rfc_4616_shows() -> None:
    mechanism = sasl.plain("tim", "tanstaaftanstaaf")
    assert mechanism.complete is False
    assert mechanism.initial() == b"\0tim\0tanstaaftanstaaf"
    assert mechanism.complete is True


def test_login_waits_for_both_questions_before_a_235_may_be_believed() -> None:
    mechanism = sasl.login("tim", "tanstaaftanstaaf")
    said = [(mechanism.initial(), mechanism.complete)]
    said += [(mechanism.respond(asked), mechanism.complete) for asked in (b"Username:", b"Password:")]
    assert said == [(None, False), (b"tim", False), (b"tanstaaftanstaaf", True)]


def test_xoauth2_says_what_google_documents_and_lets_the_535_come() -> None:
    mechanism = sasl.xoauth2("someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg")
    documented = (
        "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZ"
        "Mjl0Q2cBAQ=="
    )
    assert mechanism.initial() == b64decode(documented)
    assert mechanism.complete is True
    assert mechanism.respond(b'{"status":"401","schemes":"bearer"}') == b""


def test_oauthbearer_says_what_rfc_7628_shows_without_host_and_port() -> None:
    mechanism = sasl.oauthbearer("user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==")
    shown = b64decode(
        "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9NTg3AWF1dGg9QmVhcmVyIHZGOWRmdDRx"
        "bVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"
    )
    assert mechanism.initial() == shown.replace(b"host=server.example.com\1port=587\1", b"")
    assert mechanism.complete is True
    assert mechanism.respond(b'{"status":"invalid_token"}') == b"\1"


def test_oauthbearer_escapes_what_would_end_the_name() -> None:
    assert sasl.oauthbearer("a=b,c", "t").initial() == b"n,a=a=3Db=2Cc,\1auth=Bearer t\1\1"


def test_names_and_passwords_are_said_in_utf_8_as_they_were_given() -> None:
    assert sasl.plain("j\u00f6rg", "pa\u0301\u00a0ss").initial() == "\0j\u00f6rg\0pa\u0301\u00a0ss".encode()


@pytest.mark.parametrize("make", MAKERS)
@given(challenges=st.lists(st.binary(), min_size=4, max_size=6))
def test_endless_challenges_end_in_an_authentication_error(
    make: Callable[[str, str], Mechanism], challenges: list[bytes]
) -> None:
    mechanism = make("me", "sesame")
    mechanism.initial()
    with pytest.raises(AuthenticationError) as caught:
        list(map(mechanism.respond, challenges))
    assert f"the server asks for more than AUTH {mechanism.name} has to say" == str(caught.value)
    assert "sesame" not in repr(mechanism)
