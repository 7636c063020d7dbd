"""A journal reads as it was written, and cut or spoilt anywhere it gives exactly the lines that are whole."""

import random
from itertools import accumulate
from uuid import UUID
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.journal.format import (
    Contents,
    answered,
    begun,
    counted,
    decode,
    dotted,
    encode_header,
    known,
    line,
)
from outbox.journal.record import Answered, Begun, Dotted, Header, Key, Known, Record, name_of
from outbox.mail.verdict import Answer, Deferred, InDoubt, Rejected, RelayFault, Sent, Untouched, Verdict

HEADER = Header(UUID(int=7), "host.example", "ae70d7ce-d197", "mx")
ANN, BOB = Key(UUID(int=1), 0, 1), Key(UUID(int=1), 1, 4)
RECORDS: list[Record] = [
    Begun((ANN, BOB)),
    Dotted((ANN, BOB)),
    Answered(
        (ANN, BOB),
        (Sent(Answer(250, "2.0.0", ""), "4X=7, 8"), Rejected("RCPT TO", "", Answer(550, None, ""))),
    ),
    Known((BOB, ANN)),
    Begun((BOB,), "back up@2"),
]


def encode(record: Record) -> bytes:
    """Return a line of this record alone."""
    return line([step(record)])


def step(record: Record) -> str:
    """Return how a line says a record."""
    names = " ".join(name_of(*key) for key in record.keys)
    match record:
        case Begun():
            return begun(names, record.relay)
        case Answered():
            return answered(names, record.verdicts)
        case Dotted():
            return dotted(names)
        case Known():
            return known([names])


LINES = [encode_header(HEADER), *map(encode, RECORDS)]
JOURNAL = b"".join(LINES)

KEYED = b"R 00000000000000000000000000000001.0.1"

texts = st.text(max_size=20)
answers = st.builds(Answer, st.integers(200, 599), st.none() | texts.filter(bool), st.just(""))
stages = (texts, st.just(""), st.none() | answers)
verdicts: st.SearchStrategy[Verdict] = st.one_of(
    st.builds(Sent, answers, st.none() | texts.filter(bool)),
    st.builds(Deferred, *stages),
    st.builds(Rejected, *stages),
    st.builds(RelayFault, *stages),
    st.builds(InDoubt, *stages),
    st.just(Untouched("")),
)
keys = st.builds(Key, st.uuids(), st.integers(0, 10**6), st.integers(1, 2**31))
several = st.lists(keys, min_size=1, max_size=3).map(tuple)
records = st.one_of(
    st.builds(Begun, several),
    st.builds(Dotted, several),
    st.builds(Known, several),
    several.flatmap(lambda those: st.builds(Answered, st.just(those), st.tuples(*[verdicts for _ in those]))),
)
headers = st.builds(Header, st.uuids(), texts, texts, texts, texts, st.integers(0, 10**9), st.booleans())


def test_each_line_is_a_line_that_a_person_can_read() -> None:
    first, begun, _, answered, _, elsewhere = JOURNAL.decode().splitlines()
    assert first.startswith(
        "outbox-journal 1 whole 00000000000000000000000000000007 host.example ae70d7ce-d197 mx "
    )
    assert begun.startswith("B 00000000000000000000000000000001.0.1 00000000000000000000000000000001.1.4 ")
    assert "=sent,-,250,2.0.0,4X%3D7%2C%208 " in answered
    assert "=rejected,RCPT%20TO,550,-,- " in answered
    assert elsewhere.startswith("B @back%20up%402 00000000000000000000000000000001.1.4 ")


@given(headers, st.lists(records, max_size=4))
def test_a_journal_reads_as_it_was_written(header: Header, written: list[Record]) -> None:
    data = b"".join([encode_header(header), *map(encode, written)])
    assert decode(data) == Contents(header, written)


def test_a_journal_cut_at_any_byte_gives_exactly_the_whole_lines_before() -> None:
    ends = [0, *accumulate(map(len, LINES))]
    for cut in range(len(JOURNAL) + 1):
        whole = sum(end <= cut for end in ends) - 1
        rest = cut - ends[whole]
        expected = Contents(HEADER, RECORDS[: whole - 1], rest) if whole else Contents(None, [], rest)
        assert decode(JOURNAL[:cut]) == expected


def test_a_byte_that_is_spoilt_costs_the_lines_that_it_stands_in_and_no_other() -> None:
    ends = list(accumulate(map(len, LINES)))
    for position in range(ends[0], len(JOURNAL)):
        spoilt = sum(end <= position for end in ends) - 1
        # Where a line feed is gone, the next line is none either.
        gone = {spoilt, spoilt + 1} if JOURNAL[position : position + 1] == b"\n" else {spoilt}
        damaged = bytearray(JOURNAL)
        damaged[position] ^= 1
        read = decode(bytes(damaged))
        assert [record for n, record in enumerate(RECORDS) if n not in gone] == read.records
        assert sum(len(LINES[n + 1]) for n in gone if n < len(RECORDS)) == read.skipped


@pytest.mark.parametrize("seed", range(20))
def test_garbage_between_lines_is_skipped_and_counted(seed: int) -> None:
    garbage = random.Random(seed).randbytes(200) + b"\n"
    read = decode(b"".join([*LINES[:2], garbage, *LINES[2:], garbage]))
    assert read == Contents(HEADER, RECORDS, 2 * len(garbage))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"X a.1.2",
        b"B",
        b"B x",
        b"R x=sent,-,-,-,-",
        KEYED + b"=sent,-,-,-,-",
        KEYED + b"=lost,-,250,-,-",
        KEYED + b"=sent,-,250",
        b"D 1.2",
        b"C",
        b"C 1 2",
    ],
)
def test_a_line_of_another_format_is_skipped_though_it_is_whole(line: bytes) -> None:
    signed = line + b" %08x\n" % crc32(line)
    assert decode(LINES[0] + signed) == Contents(HEADER, [], len(signed))


def test_a_journal_of_another_version_says_nothing() -> None:
    assert decode(JOURNAL.replace(b"journal 1", b"journal 2")).header is None


def test_a_header_that_says_of_a_hole_is_as_long() -> None:
    holed = encode_header(Header(HEADER.session, HEADER.host, HEADER.boot, HEADER.relay, whole=False))
    assert len(LINES[0]) == len(holed)
    header = decode(holed).header
    assert header is not None
    assert not header.whole


def test_what_a_relay_says_is_not_kept() -> None:
    words = Answer(550, "5.1.1", "<ann@example.org> is unknown")
    verdict = Rejected("RCPT TO", "RCPT TO: <ann@example.org> is unknown", words)
    line = encode(Answered((ANN,), (verdict,)))
    assert b"ann" not in line
    assert decode(LINES[0] + line).records == [
        Answered((ANN,), (Rejected("RCPT TO", "", Answer(550, "5.1.1", "")),))
    ]


def test_of_what_the_row_has_counted_the_last_counts() -> None:
    assert decode(JOURNAL).counted == 0
    contents = decode(JOURNAL + line([counted(7)]) + line([counted(10), counted(9)]))
    assert contents == Contents(HEADER, RECORDS, 0, 9)
    assert decode(LINES[0] + line([counted(7)])[:-1]).counted == 0


@given(headers, st.lists(records, min_size=1, max_size=4))
def test_steps_of_one_write_are_one_line_in_their_order(header: Header, written: list[Record]) -> None:
    together = line(map(step, written))
    assert together.count(b"\n") == 1
    assert decode(encode_header(header) + together) == Contents(header, written)
    assert decode(encode_header(header) + together[:-1]) == Contents(header, [], len(together) - 1)


def test_beside_a_step_of_a_later_release_the_others_count() -> None:
    mixed = line([step(RECORDS[0]), "X later", step(RECORDS[1])])
    assert decode(LINES[0] + mixed) == Contents(HEADER, RECORDS[:2], len(mixed))
