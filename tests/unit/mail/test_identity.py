"""Ids sort by time and are what RFC 9562 says, and the Message-ID follows from them."""

from uuid import RFC_4122, UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outbox.mail.address import Address
from outbox.mail.identity import id_in, message_id, uuid7


def test_the_example_of_rfc_9562_comes_out() -> None:
    # Appendix A.6: rand_a is 0xCC3, rand_b is 0x18C4DC0C0C07398F, at 2022-02-22 19:22:22 UTC.
    random = (0xCC3 << 62 | 0x18C4DC0C0C07398F).to_bytes(10, "big")
    assert UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f") == uuid7(0x017F22E279B0, random)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_every_id_is_a_version_7_of_its_instant(unix_ms: int, random: bytes) -> None:
    made = uuid7(unix_ms, random)
    assert (7, RFC_4122, unix_ms) == (made.version, made.variant, made.int >> 80)


def test_every_used_random_bit_changes_the_id() -> None:
    made = {uuid7(1, (1 << bit).to_bytes(10, "big")) for bit in range(74)}
    assert len(made) == 74


def test_a_later_instant_sorts_later() -> None:
    assert uuid7(1, b"\xff" * 10) < uuid7(2, b"\x00" * 10)


@pytest.mark.parametrize(
    ("unix_ms", "random"), [(-1, b"0" * 10), (2**48, b"0" * 10), (1, b"0" * 9), (1, b"0" * 16)]
)
def test_an_impossible_instant_or_amount_of_randomness_raises(unix_ms: int, random: bytes) -> None:
    with pytest.raises(ValueError, match="Give"):
        uuid7(unix_ms, random)


def test_the_message_id_is_the_id_under_the_senders_domain() -> None:
    made = message_id(UUID(int=0xABC), Address("Bücher", "shop@bücher.example"))
    assert made == "<00000000000000000000000000000abc@xn--bcher-kva.example>"


def test_a_message_s_id_is_told_by_itself_and_by_its_message_id() -> None:
    id_ = UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
    named = message_id(id_, Address("", "shop@example.org"))
    assert [id_] * 4 == [id_in(name) for name in (str(id_), id_.hex, named, named.strip("<>"))]
    assert [id_in(name) for name in ("", "<>", "<order-7@example.org>", f"x{named}")] == [None] * 4
