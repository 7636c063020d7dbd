"""Put together what the journals of a directory say of each claim whose end the database may not know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from outbox.journal.record import Answered, Begun, Dotted, Known

if TYPE_CHECKING:
    from collections.abc import Iterable

    from outbox.journal.format import Contents
    from outbox.journal.record import Header, Key, Record
    from outbox.mail.verdict import Verdict


@dataclass(slots=True)
class Entry:
    """One claim that was in a sender's hands; `header` is that of the journal which names it first."""

    key: Key
    header: Header
    by: str | None = None
    dotted: bool = False
    verdict: Verdict | None = None
    known: bool = False
    """Whether the database knows."""

    @property
    def relay(self) -> str:
        """The relay that it went by."""
        return self.by or self.header.relay


def open_entries(journals: Iterable[Contents]) -> list[Entry]:
    """Return the claims of these journals, in their order, of which none says that the database knows."""
    entries: dict[Key, Entry] = {}
    for journal in journals:
        if journal.header is not None:
            for record in journal.records:
                for position, key in enumerate(record.keys):
                    _note(entries.setdefault(key, Entry(key, journal.header)), record, position)
    return [entry for entry in entries.values() if not entry.known]


def _note(entry: Entry, record: Record, position: int) -> None:
    match record:
        case Begun():
            entry.by = record.relay
        case Dotted():
            entry.dotted = True
        case Answered():
            entry.verdict = record.verdicts[position]
        case Known():
            entry.known = True
        case _:
            assert_never(record)
