"""Whatever a relay says, and however the network cuts it, the parser reads the same."""

import tracemalloc
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from outbox.smtp.reply import MAX_LINE, MAX_LINES, MAX_REPLY, ProtocolError, Reply, ReplyParser
from tests.support.feeding import byte_by_byte, cut_at, ways_to_cut

READ = 256 * 1024
"""Bytes that one read of a wire can return."""
MEMORY = 64 * 1024 * 1024

codes = st.integers(0, 999)
line_ends = st.sampled_from([b"\r\n", b"\n"])
# 8-bit text, CRs within a line and NULs are hostile, but they are a relay's own words.
words = st.binary(max_size=20).map(lambda text: text.replace(b"\n", b"").rstrip(b"\r"))
enhanced = st.builds(
    b"%d.%d.%d %s".__mod__, st.tuples(st.integers(2, 5), st.integers(0, 999), st.integers(0, 999), words)
)
texts = st.one_of(words, enhanced)
cuts = st.lists(st.integers(0, 400), max_size=8)


@st.composite
def said_replies(draw: st.DrawFn) -> tuple[bytes, Reply]:
    """Draw a reply as the bytes that a relay says and as what they mean."""
    code = draw(codes)
    lines = draw(st.lists(texts, min_size=1, max_size=4))
    said = b"".join(b"%03d-%s%s" % (code, text, draw(line_ends)) for text in lines[:-1])
    # RFC 5321 §4.2.1: a client must bear that the space after the code is missing where no text follows.
    space = b" " if lines[-1] or draw(st.booleans()) else b""
    return said + b"%03d%s%s%s" % (code, space, lines[-1], draw(line_ends)), Reply(code, tuple(lines))


conversations = st.lists(said_replies(), max_size=5)


@dataclass
class Reading:
    """What a parser made of some bytes."""

    replies: list[Reply]
    unread: bool
    broken: bool


def read(pieces: list[bytes]) -> Reading:
    """Feed all `pieces`, also after a fault."""
    parser = ReplyParser()
    replies = []
    for piece in pieces:
        before = parser.fault
        try:
            replies += parser.feed(piece)
        except ProtocolError:
            assert parser.fault is not None
        else:
            assert before is None, "a broken parser has read on"
    return Reading(replies, parser.unread, parser.fault is not None)


def cut_around(data: bytes, place: int) -> list[list[bytes]]:
    """Return `data` whole, byte by byte, and cut in two at each place near `place`."""
    near = range(place - 3, len(data) + 1)
    return [[data], byte_by_byte(data), *([data[:n], data[n:]] for n in near)]


@given(conversations, cuts)
def test_a_conversation_is_read_alike_however_it_is_cut(
    said: list[tuple[bytes, Reply]], at: list[int]
) -> None:
    data = b"".join(each for each, _ in said)
    expected = Reading([reply for _, reply in said], unread=False, broken=False)
    for pieces in ([data], byte_by_byte(data), cut_at(data, at)):
        assert expected == read(pieces)


@given(conversations, said_replies(), st.data())
def test_the_beginning_of_another_reply_stays_unread(
    said: list[tuple[bytes, Reply]], more: tuple[bytes, Reply], data: st.DataObject
) -> None:
    beginning = more[0][: data.draw(st.integers(1, len(more[0]) - 1))]
    whole = b"".join(each for each, _ in said)
    expected = Reading([reply for _, reply in said], unread=True, broken=False)
    for pieces in ([whole + beginning], [whole, beginning], byte_by_byte(whole + beginning)):
        assert expected == read(pieces)


garbage = st.one_of(
    st.binary(max_size=30).filter(lambda line: not line[:3].isdigit()),
    st.sampled_from([b"25 ok", b"2500 ok", b"250?ok", b"250\r", b" 250 ok", b"\xb250 ok", b"250-a\n251 b"]),
    st.builds(bytes.__mul__, st.sampled_from([b"250 x", b"x", b"\x00"]), st.integers(MAX_LINE, MAX_LINE + 9)),
)


@given(conversations, garbage, conversations)
@example([], b"250-a\nb", [])
def test_garbage_ends_the_reading_for_ever_and_loses_nothing_before_it(
    said: list[tuple[bytes, Reply]], nonsense: bytes, later: list[tuple[bytes, Reply]]
) -> None:
    before, after = (b"".join(each for each, _ in some) for some in (said, later))
    expected = Reading([reply for _, reply in said], unread=True, broken=True)
    data = before + nonsense + b"\r\n" + after
    for pieces in ([data], [before, nonsense + b"\r\n", after], byte_by_byte(data)):
        assert expected == read(pieces)


@given(st.binary(max_size=60))
def test_any_bytes_at_all_are_read_alike_however_they_are_cut(data: bytes) -> None:
    first, *others = (read(pieces) for pieces in ways_to_cut(data))
    assert all(first == other for other in others)


@given(st.lists(texts, min_size=1, max_size=4), codes)
def test_the_words_of_any_reply_are_one_printable_line(lines: list[bytes], code: int) -> None:
    reply = Reply(code, tuple(lines))
    assert reply.text.isprintable()
    assert reply.enhanced is None or reply.enhanced.startswith(f"{reply.kind}.")


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [b"x", b"\r"])
@pytest.mark.parametrize("size", [MAX_LINE - 1, MAX_LINE, MAX_LINE + 1, MAX_LINE + 2])
def test_the_longest_line_is_allowed_however_it_is_cut(size: int, last: bytes, end: bytes) -> None:
    line = b"250 ".ljust(size - 1, b"x") + last
    # A CR before the LF is always the line's end.
    is_allowed = len((line + end).removesuffix(b"\n").removesuffix(b"\r")) <= MAX_LINE
    for pieces in cut_around(line + end, size):
        assert (len(read(pieces).replies), read(pieces).broken) == (is_allowed, not is_allowed)


@pytest.mark.parametrize(
    "unit", [b"250-\r\n", b"250-" + b"x" * (MAX_LINE - 6) + b"\r\n", b"x", b"2", b"250 ", b"\x00", b"250-x"]
)
@pytest.mark.parametrize("read_size", [1, 100, READ])
def test_an_endless_answer_is_never_kept(unit: bytes, read_size: int) -> None:
    endless = unit * (2 * MAX_REPLY // len(unit) + MAX_LINES)
    parser = ReplyParser()
    kept = 0
    for n in range(0, len(endless), read_size):
        try:
            parser.feed(endless[n : n + read_size])
        except ProtocolError:
            break
        kept = n
    # What is kept at most: the lines so far, and the unfinished one.
    assert kept <= MAX_REPLY + MAX_LINE + read_size
    assert parser.fault is not None


@pytest.mark.parametrize(
    "unit", [b"\n", b"2\n", b"250\n", b"250-\n250\n", b"250-\n", b"250 \x00\xff\r\n", b"x"]
)
def test_one_read_full_of_anything_costs_less_than_64_mb(unit: bytes) -> None:
    data = unit * (READ // len(unit))
    tracemalloc.start()
    try:
        replies = read([data]).replies
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MEMORY, f"{len(replies)} replies took {peak} bytes"
