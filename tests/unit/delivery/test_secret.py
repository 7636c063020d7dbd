"""A secret is shown by nothing but `reveal`."""

import copy
import pickle

import pytest

from outbox.delivery.relay import Relay, Secret


def test_a_secret_is_shown_only_when_asked_for() -> None:
    secret = Secret("sesame")
    assert secret.reveal() == "sesame"
    relay = Relay(name="main", host="mail.example", port=587, username="me", password=secret)
    for shown in (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!s:>30}",
        repr(relay),
    ):
        assert "sesame" not in shown


def test_a_secret_is_never_pickled_but_may_be_copied() -> None:
    secret = Secret("sesame")
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    assert copy.deepcopy(secret) == copy.copy(secret) == secret


def test_secrets_compare_by_value() -> None:
    assert Secret("a") == Secret("a")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a") != Secret("é")
    assert Secret("a") != "a"
