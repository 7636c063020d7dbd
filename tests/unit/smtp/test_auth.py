"""The best mechanism that both speak is chosen, the named one is obeyed, and no secret is ever shown."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.smtp.auth import Credentials, NoMechanismError, choose

EVERYTHING = frozenset({"CRAM-MD5", "LOGIN", "OAUTHBEARER", "PLAIN", "SCRAM-SHA-256", "XOAUTH2"})
NAMES = "SCRAM-SHA-256, OAUTHBEARER, XOAUTH2, PLAIN, LOGIN"
PASSWORD = Credentials("me", password="sesame-pass")
TOKEN = Credentials("me", token="sesame-token")
BOTH = Credentials("me", password="sesame-pass", token="sesame-token")


def named(mechanism: str) -> Credentials:
    return Credentials("me", password="sesame-pass", token="sesame-token", mechanism=mechanism)


@pytest.mark.parametrize(
    ("credentials", "offered", "expected"),
    [
        (PASSWORD, EVERYTHING, "SCRAM-SHA-256"),
        (PASSWORD, EVERYTHING - {"SCRAM-SHA-256"}, "PLAIN"),
        (TOKEN, EVERYTHING, "OAUTHBEARER"),
        (TOKEN, EVERYTHING - {"OAUTHBEARER"}, "XOAUTH2"),
        (BOTH, EVERYTHING, "OAUTHBEARER"),
        (named("Login"), EVERYTHING, "LOGIN"),
        (named("plain"), EVERYTHING, "PLAIN"),
        (named("scram-sha-256"), EVERYTHING, "SCRAM-SHA-256"),
        (named("xoauth2"), EVERYTHING, "XOAUTH2"),
        (named("oauthbearer"), EVERYTHING, "OAUTHBEARER"),
    ],
)
def test_the_best_mechanism_is_chosen_or_the_named_one(
    credentials: Credentials, offered: frozenset[str], expected: str
) -> None:
    assert expected == choose(credentials, offered).name


@pytest.mark.parametrize(
    ("credentials", "offered", "expected"),
    [
        (
            PASSWORD,
            {"LOGIN", "CRAM-MD5"},
            (
                "the server offers CRAM-MD5, LOGIN; with a password we speak SCRAM-SHA-256 and PLAIN: "
                "if this server can do no better, say smtp_auth = login"
            ),
        ),
        (
            PASSWORD,
            {"XOAUTH2", "LOGIN"},
            (
                "the server offers LOGIN, XOAUTH2; with a password we speak SCRAM-SHA-256 and PLAIN: "
                "instead of smtp_password, give a token: smtp_token_file or smtp_token_command"
            ),
        ),
        (
            PASSWORD,
            {"CRAM-MD5"},
            (
                "the server offers CRAM-MD5; with a password we speak SCRAM-SHA-256 and PLAIN: "
                "another server or port may offer one of these"
            ),
        ),
        (
            PASSWORD,
            set(),
            (
                "the server offers no AUTH at all; with a password we speak SCRAM-SHA-256 and PLAIN: "
                "it may want TLS first (smtp_tls), or no smtp_username"
            ),
        ),
        (
            BOTH,
            {"PLAIN", "SCRAM-SHA-256"},
            (
                "the server offers PLAIN, SCRAM-SHA-256; with a token we speak OAUTHBEARER and XOAUTH2: "
                "give smtp_password instead of a token"
            ),
        ),
        (
            named("scram-sha-256"),
            {"PLAIN"},
            "smtp_auth names SCRAM-SHA-256, the server offers PLAIN: name what it offers, or auto",
        ),
        (
            named("cram-md5"),
            EVERYTHING,
            f"smtp_auth names CRAM-MD5, we speak {NAMES}: name one of these, or auto",
        ),
        (
            Credentials("me", password="sesame-pass", mechanism="xoauth2"),
            EVERYTHING,
            "XOAUTH2 needs a token: smtp_token_file or smtp_token_command",
        ),
        (Credentials("me", token="sesame-token", mechanism="login"), EVERYTHING, "LOGIN needs smtp_password"),
        (Credentials("me"), EVERYTHING, "SCRAM-SHA-256 needs smtp_password"),
        (
            Credentials("m\0e", "sesame"),
            EVERYTHING,
            "smtp_username holds a character that AUTH cannot carry: 'm\\x00e'",
        ),
        (Credentials("", "sesame"), EVERYTHING, "smtp_username holds a character that AUTH cannot carry: ''"),
        (
            Credentials("me", "sesame\0"),
            EVERYTHING,
            "smtp_password holds a NUL, or bytes that are not UTF-8: set it anew",
        ),
        (
            Credentials("me", "sesame\udcff"),
            EVERYTHING,
            "smtp_password holds a NUL, or bytes that are not UTF-8: set it anew",
        ),
        (
            Credentials("me", token="sesame\1auth=Bearer other"),
            EVERYTHING,
            "the token is empty, or holds a character that is not printable ASCII",
        ),
        (
            Credentials("me", "sesame\N{GRINNING FACE}"),
            EVERYTHING,
            (
                "SCRAM-SHA-256 cannot carry this user name or password: "
                "unassigned code points forbidden: other-error; change it, or say smtp_auth = plain"
            ),
        ),
    ],
)
def test_where_nothing_can_be_said_the_error_names_the_remedy(
    credentials: Credentials, offered: set[str], expected: str
) -> None:
    with pytest.raises(NoMechanismError) as caught:
        choose(credentials, frozenset(offered))
    assert expected == str(caught.value)


def test_without_the_library_scram_is_passed_over_and_an_error_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "outbox.smtp.scram", raising=False)
    monkeypatch.setitem(sys.modules, "scramp", None)
    assert choose(PASSWORD, EVERYTHING).name == "PLAIN"
    expected = {
        named("scram-sha-256"): "smtp_auth names SCRAM-SHA-256, which needs the library: "
        "pip install 'email-outbox[scram]'",
        PASSWORD: "the server offers LOGIN, SCRAM-SHA-256; with a password we speak SCRAM-SHA-256 and PLAIN: "
        "pip install 'email-outbox[scram]'",
    }
    for credentials, words in expected.items():
        with pytest.raises(NoMechanismError) as caught:
            choose(credentials, frozenset({"SCRAM-SHA-256", "LOGIN"}))
        assert words == str(caught.value)


def test_what_a_server_offers_is_shown_escaped_and_bounded() -> None:
    with pytest.raises(NoMechanismError) as caught:
        choose(PASSWORD, frozenset({"\x1b[31m" + "X" * 60_000}))
    assert str(caught.value).startswith("the server offers \\x1b[31mXXX")
    assert len(str(caught.value)) < 400


@given(
    st.builds(
        Credentials,
        st.text(max_size=5),
        st.none() | st.text(max_size=5).map("sesame{}".format),
        st.none() | st.text(max_size=5).map("sesame{}".format),
        st.none() | st.sampled_from(sorted(EVERYTHING)),
    ),
    st.frozensets(st.sampled_from(sorted(EVERYTHING))),
)
def test_no_secret_is_in_any_repr_or_error(credentials: Credentials, offered: frozenset[str]) -> None:
    assert "sesame" not in repr(credentials)
    told: object
    try:
        told = choose(credentials, offered)
    except NoMechanismError as error:
        told = (error, error.__cause__, error.__context__)
    assert "sesame" not in repr(told)
