"""Read any bytes as replies: alike however they are cut, within the limits, and fit for people and logs."""

from random import Random
from zlib import crc32

from outbox.smtp.extensions import parse_extensions
from outbox.smtp.reply import MAX_LINES, MAX_REPLY, MAX_TEXT, ProtocolError, Reply, ReplyParser
from tests.support.feeding import byte_by_byte, cut_at

_SHORT = 1024
_LONG = 1024 * 1024
_READ = 256 * 1024
"""Bytes that one read of a wire returns at most."""


def check(data: bytes) -> None:
    """Read `data` whole, byte by byte and cut at some places; now and then let it repeat for a megabyte.

    Long inputs go byte by byte now and then only: the rest of the time is better spent on more inputs.
    """
    random = Random(crc32(data))
    whole = read([data])
    if len(data) <= _SHORT or random.randrange(20) == 0:
        assert whole == read(byte_by_byte(data))
    assert whole == read(cut_at(data, [random.randrange(len(data) + 1) for _ in range(4)]))
    for reply in whole[0]:
        check_reply(reply, data)
    if data and random.randrange(500) == 0:
        long = data * (_LONG // len(data))
        read(cut_at(long, list(range(_READ, _LONG, _READ))))


def read(pieces: list[bytes]) -> tuple[list[Reply], bool, bool]:
    """Return the replies in `pieces`, whether bytes were left over, and whether they broke the protocol."""
    parser = ReplyParser()
    replies: list[Reply] = []
    for piece in pieces:
        try:
            replies += parser.feed(piece)
        except ProtocolError:
            assert parser.fault
            assert parser.unread
            break
    return replies, parser.unread, parser.fault is not None


def check_reply(reply: Reply, data: bytes) -> None:
    """Check that a reply is what was said, and keeps the limits."""
    assert 0 <= reply.code <= 999
    assert 1 <= len(reply.lines) <= MAX_LINES
    assert sum(map(len, reply.lines)) <= MAX_REPLY
    assert all(line in data for line in reply.lines)
    assert reply.text.isprintable()
    assert len(reply.text) <= MAX_TEXT
    assert reply.enhanced is None or reply.lines[0].startswith(reply.enhanced.encode("ascii"))
    parse_extensions(reply)
