"""A body comes through DATA as it was, and can never end it early."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.smtp.body import dot_stuff
from outbox.smtp.command import UnsendableError


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", b""),
        (b"a\r\n", b"a\r\n"),
        (b"a", b"a\r\n"),
        (b".", b"..\r\n"),
        (b".\r\n.\r\n..\r\n", b"..\r\n..\r\n...\r\n"),
        (b"a.\r\nb.c", b"a.\r\nb.c\r\n"),
    ],
)
def test_leading_dots_are_doubled_and_the_last_line_is_ended(body: bytes, expected: bytes) -> None:
    assert expected == dot_stuff(body)


@pytest.mark.parametrize("body", [b"a\n.\r\n", b"a\r.\r\n", b"a\r", b"\n", b"a\r\r\n", b"a\n\r\n"])
def test_fault_73_a_line_end_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(UnsendableError):
        dot_stuff(body)


@given(st.lists(st.binary(max_size=8).map(lambda line: line.translate(None, b"\r\n") or b".")))
def test_fault_73_a_server_reads_back_what_was_sent(lines: list[bytes]) -> None:
    wire = dot_stuff(b"".join(line + b"\r\n" for line in lines)) + b".\r\n"
    received = wire.split(b"\r\n")
    end = received.index(b".")
    assert received[end:] == [b".", b""]
    assert lines == [line.removeprefix(b".") for line in received[:end]]
