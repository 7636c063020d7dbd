"""What several journals say of one claim is put together; what the database knows is left out."""

from uuid import UUID

from outbox.journal.entries import Entry, Sendings, open_entries
from outbox.journal.format import Contents
from outbox.journal.record import Answered, Begun, Dotted, Header, Key, Known, Record
from outbox.mail.verdict import Answer, Sent

FIRST, SECOND = (Header(UUID(int=n), "host", "boot", "mx") for n in (1, 2))
A, B, C = (Key(UUID(int=n), 0, 1) for n in (1, 2, 3))
SENT = Sent(Answer(250, None, ""), None)


def journal(header: Header | None, *records: Record) -> Contents:
    return Contents(header, list(records))


def test_a_claim_has_gone_as_far_as_its_last_line() -> None:
    told = journal(FIRST, Begun((A, B, C)), Dotted((B, C)), Answered((C,), (SENT,)))
    assert open_entries([told]) == [
        Entry(A, FIRST),
        Entry(B, FIRST, dotted=True),
        Entry(C, FIRST, dotted=True, verdict=SENT),
    ]


def test_what_the_database_knows_is_left_out_also_where_a_later_journal_says_so() -> None:
    first = journal(FIRST, Begun((A, B)), Dotted((A, B)), Known((A,)))
    assert open_entries([first, journal(FIRST, Known((B,)))]) == []


def test_a_fence_that_a_restored_database_has_given_again_is_a_claim_of_its_own() -> None:
    first = journal(FIRST, Begun((A, B)), Dotted((A, B)), Answered((A,), (SENT,)), Known((A, B)))
    again = journal(SECOND, Begun((A, B)), Dotted((B,)))
    assert open_entries([first, again]) == [Entry(A, SECOND), Entry(B, SECOND, dotted=True)]


def test_a_claim_belongs_to_the_session_that_began_it() -> None:
    assert open_entries([journal(FIRST, Begun((A,))), journal(SECOND, Dotted((A,)))]) == [
        Entry(A, FIRST, dotted=True)
    ]


def test_a_claim_went_by_the_relay_that_its_beginning_names_or_else_by_the_header_s() -> None:
    told = open_entries([journal(FIRST, Begun((A,)), Begun((B,), "backup"), Dotted((A, B)), Dotted((C,)))])
    assert [(entry.key, entry.relay) for entry in told] == [(A, "mx"), (B, "backup"), (C, "mx")]


def test_a_dot_is_believed_though_its_beginning_is_missing() -> None:
    assert open_entries([journal(FIRST, Dotted((A,)))]) == [Entry(A, FIRST, dotted=True)]


def test_a_journal_without_a_header_says_nothing() -> None:
    assert open_entries([journal(None, Dotted((A,)))]) == []


def test_what_ends_in_a_later_journal_is_followed_there() -> None:
    sendings = Sendings()
    assert sendings.read(journal(FIRST, Begun((A, B), "backup"), Dotted((A, B)))) == []
    assert [entry.key for entry in sendings.dotted()] == [A, B]
    assert sendings.read(journal(None, Answered((A,), (SENT,)))) == []
    ended = sendings.read(journal(SECOND, Answered((A,), (SENT,)), Known((A,)), Begun((C,))))
    assert ended == [Entry(A, FIRST, by="backup", dotted=True, verdict=SENT)]
    assert [entry.key for entry in sendings.dotted()] == [B]


def test_what_begins_anew_has_no_dot() -> None:
    sendings = Sendings()
    sendings.read(journal(FIRST, Begun((A,)), Dotted((A,)), Begun((A,))))
    assert sendings.dotted() == []
