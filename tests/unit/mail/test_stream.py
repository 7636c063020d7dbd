"""A stream is a name; what it means is known or is what `default` means."""

import pytest

from outbox.errors import InvalidEmailError
from outbox.mail.stream import Priority, Stream, Streams, checked_stream

BULK = Stream(relays=("ses",), weight=0.5, priority=Priority.LOW)


def test_a_stream_that_nobody_described_is_a_normal_one_of_no_relay_in_particular() -> None:
    assert Streams().of("tenant-42") == Stream((), 1.0, Priority.NORMAL)


def test_a_name_that_is_not_known_means_what_default_means() -> None:
    streams = Streams({"bulk": BULK, "default": Stream(weight=3)})
    assert [streams.of("bulk"), streams.of("tenant-42")] == [BULK, Stream(weight=3)]


@pytest.mark.parametrize("name", ["a", "tenant-42", "x" * 64, "ada@example.org", "a:b/c"])
def test_a_name_is_any_printable_word(name: str) -> None:
    assert name == checked_stream(name)


@pytest.mark.parametrize("name", ["", "x" * 65, "two words", "a\n", "a\0", "ü", None, 7])
def test_anything_else_is_refused_with_the_field_and_the_remedy(name: object) -> None:
    with pytest.raises(InvalidEmailError, match=r"^stream: is no name of a stream: .*Give 1 to 64 printable"):
        checked_stream(name)
