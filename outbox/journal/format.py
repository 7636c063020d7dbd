"""The bytes of a journal: lines of text, each with a checksum, so that a torn one is no line. Without I/O.

A line is what one write says: one step, or more of them with semicolons between.

    outbox-journal 1 whole SESSION HOST BOOT RELAY DATABASE EPOCH      the header
    B KEY…                                              a sender takes these in hand
    B @RELAY KEY…                                       the same, by another relay than the header's
    D KEY…                                              their final dot goes out now
    R KEY=KIND,STAGE,CODE,ENHANCED,QUEUE-ID…            so their sending ended
    K KEY…                                              that is in the database
    C COUNT                                             so many ends of the session its row has counted

Each line ends with a space, the CRC-32 of what stands before it in eight hex digits, and a line feed. A KEY
is message UUID, recipient number and fence, with dots between. What mail or a relay says is kept nowhere, for
it may hold addresses: only its codes, and the queue id, by which a person finds the mail in the relay's log.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, assert_never
from urllib.parse import quote, unquote
from uuid import UUID
from zlib import crc32

from outbox.journal.record import Answered, Begun, Dotted, Header, Key, Known, Record
from outbox.mail.verdict import (
    Answer,
    Deferred,
    InDoubt,
    Rejected,
    RelayFault,
    Sent,
    Untouched,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Of one length: a header is written over in place, on a disk that has no room left.
_WHOLE, _HOLED = "whole", "holed"
_NOTHING = "-"
_KEYED: dict[str, type[Dotted | Known]] = {"D": Dotted, "K": Known}
_STAGED: dict[str, type[Deferred | Rejected | RelayFault | InDoubt]] = {
    "deferred": Deferred,
    "rejected": Rejected,
    "fault": RelayFault,
    "doubt": InDoubt,
}
_KIND = {kind: word for word, kind in _STAGED.items()}


@dataclass(frozen=True, slots=True)
class Contents:
    """What one journal says, in order; `skipped` are its bytes that are no line of a journal as we know it.

    Without a header it says nothing. `counted` are the ends that the row of its session had counted last.
    """

    header: Header | None
    records: list[Record] = field(default_factory=list)
    skipped: int = 0
    counted: int = 0


def encode_header(header: Header) -> bytes:
    """Return the first line; its length does not depend on `whole`."""
    words = (_word(each) for each in (header.host, header.boot, header.relay, header.database))
    whole = _WHOLE if header.whole else _HOLED
    return line([f"outbox-journal 1 {whole} {header.session.hex} {' '.join(words)} {header.epoch}"])


# The steps are made from names, with spaces between, without a Record: there are four for each mail.


def begun(names: str, relay: str | None = None) -> str:
    """Return the step of Begun."""
    return f"B @{_word(relay)} {names}" if relay else f"B {names}"


def dotted(names: str) -> str:
    """Return the step of Dotted."""
    return f"D {names}"


def answered(names: str, verdicts: Sequence[Verdict]) -> str:
    """Return the step of Answered."""
    if len(verdicts) == 1 and " " not in names:
        return f"R {names}={_verdict(verdicts[0])}"
    pairs = zip(names.split(" "), verdicts, strict=True)
    return "R " + " ".join([f"{name}={_verdict(verdict)}" for name, verdict in pairs])


def known(names: Iterable[str]) -> str:
    """Return the step of Known: of many parcels."""
    return "K " + " ".join(names)


def counted(count: int) -> str:
    """Return the step that says how many ends the row of the session has counted."""
    return f"C {count}"


def line(steps: Iterable[str]) -> bytes:
    """Return the line that says these steps, in this order."""
    data = ";".join(steps).encode("ascii")
    return b"%b %08x\n" % (data, crc32(data))


def decode(data: bytes) -> Contents:
    """Read a journal as far as it is whole: what was torn, or never was a line, is skipped and counted."""
    # Behind the last line feed stands what was not written to its end, or nothing.
    *lines, tail = data.split(b"\n")
    header = _read_header(lines[0]) if lines else None
    if header is None:
        return Contents(None, skipped=len(data))
    contents = [(line, [_read(step) for step in (_text(line) or "").split(";")]) for line in lines[1:]]
    skipped = sum(len(line) + 1 for line, steps in contents if None in steps)
    steps = [step for _, steps in contents for step in steps]
    records = [step for step in steps if not isinstance(step, int | None)]
    counts = [step for step in steps if isinstance(step, int)]
    return Contents(header, records, skipped + len(tail), counts[-1] if counts else 0)


def _text(line: bytes) -> str | None:
    """Return what a line says, or None where its checksum does not agree."""
    data, _, checksum = line.rpartition(b" ")
    return data.decode("ascii") if data.isascii() and checksum == b"%08x" % crc32(data) else None


def _verdict(verdict: Verdict) -> str:
    if isinstance(verdict, Sent):  # nearly all of them, and a pattern takes longer
        answer = verdict.answer
        return f"sent,-,{_codes(answer.code, answer.enhanced)},{_word(verdict.queue_id)}"
    match verdict:
        case Untouched():
            return "untouched,-,-,-,-"
        case Deferred() | Rejected() | RelayFault() | InDoubt():
            judged = verdict.answer
            codes = _codes(judged.code, judged.enhanced) if judged else "-,-"
            return f"{_KIND[type(verdict)]},{_word(verdict.stage)},{codes},-"
        case _:
            assert_never(verdict)


@lru_cache(maxsize=64)
def _codes(code: int, enhanced: str | None) -> str:
    return f"{code},{_word(enhanced)}"


def _word(text: str | None) -> str:
    """Return a text as one word; what stands for none is escaped where it is meant."""
    if not text:
        return _NOTHING
    if text.isascii() and text.replace(".", "").isalnum():
        # Nearly all of them; to quote is what costs most of a line.
        return text
    return "%2D" if text == _NOTHING else quote(text, safe="")


def _unword(word: str) -> str | None:
    return None if word == _NOTHING else unquote(word)


def _read_header(line: bytes) -> Header | None:
    match (_text(line) or "").split(" "):
        case ["outbox-journal", "1", whole, session, host, boot, relay, database, epoch]:
            return Header(
                UUID(session),
                _unword(host) or "",
                _unword(boot) or "",
                _unword(relay) or "",
                _unword(database) or "",
                int(epoch),
                whole=whole == _WHOLE,
            )
        case _:
            return None


def _read(step: str) -> Record | int | None:
    letter, _, rest = step.partition(" ")
    try:
        if letter in _KEYED:
            return _KEYED[letter](_keys(rest.split(" ")))
        if letter == "C":
            return int(rest)
        if letter == "B":
            return _read_begun(rest.split(" "))
        return _read_answers(rest.split(" ")) if letter == "R" else None
    except (ValueError, KeyError, TypeError):
        # Whole, and yet not of this format: of a later release, perhaps.
        return None


def _read_begun(words: list[str]) -> Begun:
    relay = _unword(words.pop(0)[1:]) if words[0].startswith("@") else None
    return Begun(_keys(words), relay)


def _keys(words: Iterable[str]) -> tuple[Key, ...]:
    return tuple(map(_read_key, words))


def _read_key(word: str) -> Key:
    message_id, n, fence = word.split(".")
    return Key(UUID(message_id), int(n), int(fence))


def _read_answers(words: Iterable[str]) -> Answered:
    pairs = [word.partition("=") for word in words]
    return Answered(
        _keys(key for key, _, _ in pairs),
        tuple(_read_verdict(*verdict.split(",")) for _, _, verdict in pairs),
    )


def _read_verdict(kind: str, stage: str, code: str, enhanced: str, queue_id: str) -> Verdict:
    answer = None if code == _NOTHING else Answer(int(code), _unword(enhanced), "")
    if kind == "untouched":
        return Untouched("")
    if kind == "sent":
        if answer is None:
            raise ValueError(kind)
        return Sent(answer, _unword(queue_id))
    return _STAGED[kind](_unword(stage) or "", "", answer)
