"""SCRAM-SHA-256 believes no server that has not proved itself, and works for none that asks too much."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from outbox.smtp.sasl import AuthenticationError
from outbox.smtp.scram import Scram

# RFC 7677 §3.
NONCE = "rOprNGfwEbeRWgbNEkqO"
SERVER_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def begun() -> Scram:
    scram = Scram("user", "pencil", NONCE)
    scram.initial()
    return scram


def refusal(scram: Scram, challenge: bytes) -> str:
    """Return why `challenge` is refused; it must leave nothing that a 235 could complete."""
    with pytest.raises(AuthenticationError) as caught:
        scram.respond(challenge)
    assert scram.complete is False
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_scram_says_what_rfc_7677_shows_and_believes_a_235_only_after_the_signature() -> None:
    scram = Scram("user", "pencil", NONCE)
    said = [(scram.initial(), scram.complete)]
    said += [(scram.respond(heard), scram.complete) for heard in (SERVER_FIRST, SERVER_FINAL)]
    assert said == [
        (b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO", False),
        (
            (
                b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
            ),
            False,
        ),
        (b"", True),
    ]


def test_each_exchange_has_a_nonce_of_its_own() -> None:
    assert Scram("user", "pencil").initial() != Scram("user", "pencil").initial()


@pytest.mark.parametrize(
    ("server_first", "reason"),
    [
        (SERVER_FIRST.replace(b"rOprN", b"other"), "Client nonce doesn't match.: other-error"),
        (
            b"r=" + NONCE.encode() + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "The nonce must be longer than the client nonce: other-error",
        ),
        (SERVER_FIRST.replace(b"i=4096", b"i=4095"), "The value must not be < 4096: other-error"),
        (
            SERVER_FIRST.replace(b"i=4096", b"i=600001"),
            "the server asks for 600001 iterations, we do 4096 to 600000",
        ),
        (SERVER_FIRST.replace(b"i=4096", b"i=2147483647"), "The value must not be > 10000000: other-error"),
        (SERVER_FIRST.replace(b"i=4096", b"i=" + b"9" * 5000), "Server iteration count is not valid"),
        (
            b"m=must-know," + SERVER_FIRST,
            "The 'm' attribute isn't supported by this version of the protocol.",
        ),
        (b"e=unknown-user", "The server returned an error: unknown-user"),
        (b"r=\xff", "the server's message is not UTF-8"),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)
def test_a_server_that_breaks_the_first_message_gets_no_proof(server_first: bytes, reason: str) -> None:
    told = refusal(begun(), server_first)
    assert told.startswith(f"SCRAM-SHA-256: {reason}")


@pytest.mark.parametrize(
    ("server_final", "reason"),
    [
        (SERVER_FINAL.replace(b"6rri", b"7rri"), "The server signature doesn't match.: other-error"),
        (b"v=AAAA", "The server signature doesn't match.: other-error"),
        (b"e=invalid-proof", "The server returned an error: invalid-proof"),
        (b"e=\x1b[31m", "The server returned an invalid error"),
        (b"", "Malformed server final message."),
    ],
)
def test_a_server_without_the_right_signature_is_never_believed(server_final: bytes, reason: str) -> None:
    scram = begun()
    scram.respond(SERVER_FIRST)
    assert refusal(scram, server_final).startswith(f"SCRAM-SHA-256: {reason}")
    # Not even a right one may follow.
    assert refusal(scram, SERVER_FINAL) == "the server asks for more than AUTH SCRAM-SHA-256 has to say"


def test_a_signature_before_our_proof_is_not_believed() -> None:
    scram = begun()
    refusal(scram, SERVER_FINAL)
    refusal(scram, SERVER_FINAL)


def test_endless_challenges_end() -> None:
    scram = begun()
    scram.respond(SERVER_FIRST)
    scram.respond(SERVER_FINAL)
    with pytest.raises(AuthenticationError, match="asks for more than AUTH SCRAM-SHA-256 has to say"):
        scram.respond(b"")


_ATTRIBUTES = st.tuples(
    st.sampled_from("rsivemnpcax"),
    st.sampled_from([NONCE, f"{NONCE}x", "W22ZaJ0SNY7soEsUEjb6gQ==", "4096"]) | st.text(),
)
_MESSAGES = st.lists(_ATTRIBUTES, max_size=5).map(lambda pairs: ",".join(f"{k}={v}" for k, v in pairs))


@given(
    st.lists(
        st.binary() | _MESSAGES.map(lambda text: text.encode("utf-8", "replace")), min_size=3, max_size=3
    )
)
@example([SERVER_FIRST, b"v=" + b"A" * 8000, b""])
def test_no_challenge_raises_anything_else_or_completes_the_exchange(challenges: list[bytes]) -> None:
    scram = begun()
    told = [repr(scram)]
    for challenge in challenges:
        try:
            scram.respond(challenge)
        except AuthenticationError as error:
            told += [repr(error), str(error)]
    assert scram.complete is False
    assert [words for words in told if "pencil" in words or not words.isprintable() or len(words) > 500] == []
