"""Put together what the journals of a directory say of each claim whose end the database may not know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from outbox.journal.record import Answered, Begun, Dotted, Known

if TYPE_CHECKING:
    from collections.abc import Iterable

    from outbox.journal.format import Contents
    from outbox.journal.record import Header, Key
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
                    entry = entries.setdefault(key, Entry(key, journal.header))
                    if isinstance(record, Begun):
                        # Anew, also where the database had forgotten the claim and gave its fence again.
                        entries[key] = Entry(key, journal.header, by=record.relay)
                    else:
                        _note(entry, record, position)
    return [entry for entry in entries.values() if not entry.known]


class Sendings:
    """Follows what was in senders' hands through journals that are read in their order, one at a time."""

    def __init__(self) -> None:
        # Of all journals so far only this is kept: there may be millions of claims.
        self._under_way: dict[Key, Entry] = {}

    def read(self, journal: Contents) -> list[Entry]:
        """Return those whose sending has ended by this journal."""
        ended: list[Entry] = []
        if journal.header is None:
            return ended
        for record in journal.records:
            for position, key in enumerate(record.keys):
                if isinstance(record, Begun):
                    self._under_way[key] = Entry(key, journal.header, by=record.relay)
                elif not isinstance(record, Known):
                    entry = self._under_way.setdefault(key, Entry(key, journal.header))
                    _note(entry, record, position)
                    if entry.verdict is not None:
                        ended.append(self._under_way.pop(key))
        return ended

    def dotted(self) -> list[Entry]:
        """Return those whose dot has no answer yet."""
        return [entry for entry in self._under_way.values() if entry.dotted]


def _note(entry: Entry, record: Dotted | Answered | Known, position: int) -> None:
    match record:
        case Dotted():
            entry.dotted = True
        case Answered():
            entry.verdict = record.verdicts[position]
        case Known():
            entry.known = True
        case _:
            assert_never(record)
