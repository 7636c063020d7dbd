"""Replies are read alike however the network cuts them, and only within the limits."""

import pytest

from outbox.smtp.reply import MAX_LINE, MAX_LINES, MAX_TEXT, ProtocolError, Reply, ReplyParser
from tests.support.feeding import ways_to_cut


def read(pieces: list[bytes]) -> tuple[list[Reply], bool]:
    """Return the replies in `pieces`, and whether bytes were left over."""
    parser = ReplyParser()
    replies = [reply for piece in pieces for reply in parser.feed(piece)]
    return replies, parser.unread


def feed_all(parser: ReplyParser, pieces: list[bytes]) -> None:
    """Feed all `pieces`."""
    for piece in pieces:
        parser.feed(piece)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"250 ok\r\n", [Reply(250, (b"ok",))]),
        (b"250\r\n", [Reply(250, (b"",))]),
        (b"250 \r\n", [Reply(250, (b"",))]),
        (b"250-a\r\n250 b\r\n", [Reply(250, (b"a", b"b"))]),
        (b"250-a\r\n250-\r\n250\r\n", [Reply(250, (b"a", b"", b""))]),
        (b"250 ok\n354 go\n", [Reply(250, (b"ok",)), Reply(354, (b"go",))]),
        (b"999 \x00\xff\r\n", [Reply(999, (b"\x00\xff",))]),
    ],
)
@pytest.mark.parametrize("trailing", [b"", b"2", b"250-more\r\n"])
def test_replies_are_read_however_they_are_cut(data: bytes, expected: list[Reply], trailing: bytes) -> None:
    for pieces in ways_to_cut(data):
        assert read([*pieces, trailing]) == (expected, bool(trailing))


@pytest.mark.parametrize(
    "data",
    [
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"250?ok\r\n",
        b"hello\r\n",
        b"\r\n",
        b"+50 ok\r\n",
        "²50 ok\r\n".encode(),
        b"250-a\r\n251 b\r\n",
        b"250-a\r\nb\r\n",
        # Two replies whose line end was damaged: a recipient's answer would be another's.
        b"250 ok\r250 ok\r\n",
        b"250 ok\r\x00550 no\r\n",
        b"250-ok\r\r354\r\n250 ok\r\n",
    ],
)
def test_what_no_reply_can_be_breaks_the_parser_for_good(data: bytes) -> None:
    for pieces in ways_to_cut(data):
        parser = ReplyParser()
        with pytest.raises(ProtocolError):
            feed_all(parser, pieces)
        with pytest.raises(ProtocolError):
            parser.feed(b"250 ok\r\n")
        assert parser.unread


@pytest.mark.parametrize(
    "data",
    [
        b"250 " + b"x" * MAX_LINE,
        b"250 " + b"x" * MAX_LINE + b"\r\n",
        b"250-x\r\n" * (MAX_LINES + 1),
        (b"250-" + b"x" * (MAX_LINE - 4) + b"\r\n") * 9,
    ],
)
def test_an_endless_reply_is_cut_short(data: bytes) -> None:
    parser = ReplyParser()
    with pytest.raises(ProtocolError, match="longer than"):
        parser.feed(data)


def test_the_limits_themselves_are_allowed() -> None:
    line = b"250 " + b"x" * (MAX_LINE - 4) + b"\r\n"
    many = b"250-x\r\n" * (MAX_LINES - 1) + b"250 x\r\n"
    assert [len(reply.lines) for reply in ReplyParser().feed(line + many)] == [1, MAX_LINES]


def test_a_cr_in_the_words_is_no_fault() -> None:
    assert [Reply(250, (b"a\rb\r",))] == ReplyParser().feed(b"250 a\rb\r\r\n")


def test_what_was_said_before_the_fault_still_counts() -> None:
    parser = ReplyParser()
    assert [Reply(250, (b"ok",))] == parser.feed(b"250 ok\r\nnonsense\r\n")
    assert parser.fault is not None
    with pytest.raises(ProtocolError, match="nonsense"):
        parser.feed(b"")


@pytest.mark.parametrize(
    ("reply", "enhanced", "text"),
    [
        (Reply(250, (b"2.0.0 Ok: queued",)), "2.0.0", "Ok: queued"),
        (Reply(250, (b"2.0.0",)), "2.0.0", ""),
        (Reply(550, (b"5.1.1 no", b"5.1.1 such user")), "5.1.1", "no such user"),
        (Reply(250, (b"5.0.0 hm",)), None, "5.0.0 hm"),
        (Reply(250, (b"2.0.0ok",)), None, "2.0.0ok"),
        (Reply(250, (b"2.0.1000 ok",)), None, "2.0.1000 ok"),
        (Reply(250, (b"ok",)), None, "ok"),
        (Reply(354, (b"3.0.0 go",)), None, "3.0.0 go"),
        (Reply(550, (b"\x1b[31mred\x00\r",)), None, "\\x1b[31mred\\x00\\r"),
        (Reply(550, ("a\u202eb\u0085".encode(),)), None, "a\\u202eb\\x85"),
        (Reply(550, ("é".encode(), b"\xe9")), None, "é \\xe9"),
    ],
)
def test_the_words_are_made_fit_for_people(reply: Reply, enhanced: str | None, text: str) -> None:
    assert (enhanced, text) == (reply.enhanced, reply.text)


def test_hostile_words_are_cut() -> None:
    text = Reply(550, (b"\x00" * 60000,)).text
    assert len(text) == MAX_TEXT
    assert text.isprintable()


def test_a_line_that_was_said_before_is_read_alike_but_not_inside_another_reply() -> None:
    parser = ReplyParser()
    once = parser.feed(b"250 2.1.0 Ok\r\n250 2.1.0 Ok\r\n")
    inside = parser.feed(b"250-first\r\n250 2.1.0 Ok\r\n")
    assert (once, inside) == (
        [Reply(250, (b"2.1.0 Ok",)), Reply(250, (b"2.1.0 Ok",))],
        [Reply(250, (b"first", b"2.1.0 Ok"))],
    )


def test_few_lines_are_remembered_whatever_a_relay_says() -> None:
    parser = ReplyParser()
    replies = [reply for n in range(1000) for reply in parser.feed(b"250 queued as %d\r\n" % n)]
    parser.feed(b"250 " + b"x" * 1000 + b"\r\n")
    assert (len(replies), len(parser._known)) == (1000, 32)
