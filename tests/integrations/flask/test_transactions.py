"""In which transaction a mail is inserted, and what becomes of it: each rule, on every database."""

import logging
from contextlib import suppress
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError

from tests.integrations.flask.site import HAD_WRITTEN, NEVER, Site, dropped, message_of, told

# (a) The session is in no transaction.


def test_without_a_transaction_a_mail_is_queued_at_once(site: Site) -> None:
    with site.app.app_context():
        site.send()
        assert site.queued() == ["Hello"]
        assert not site.session().in_transaction()


def test_after_a_commit_a_mail_is_queued_at_once(site: Site) -> None:
    with site.app.app_context():
        site.write()
        site.session.commit()
        site.send()
        assert site.queued() == ["Hello"]
        site.session.rollback()
    assert site.queued() == ["Hello"]


def test_after_a_rollback_a_mail_is_queued_at_once(site: Site) -> None:
    with site.app.app_context():
        site.write()
        site.session.rollback()
        site.send("Sorry")
    assert (site.queued(), site.notes()) == (["Sorry"], ["first"])


def test_a_thread_a_mail_queues_at_once_by_its_own_context(site: Site) -> None:
    def send() -> None:
        with site.app.app_context():
            site.send("By a thread")

    with site.app.app_context():
        site.read()
        site.session.commit()
        threads = [Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert site.queued() == ["By a thread"] * 4


# (b) The session has written.


@pytest.mark.parametrize("flushes", [True, False])
@pytest.mark.parametrize("commits", [True, False])
def test_a_mail_lives_and_dies_with_what_was_written_before_it(
    site: Site, *, flushes: bool, commits: bool
) -> None:
    with site.app.app_context():
        site.session.add(site.Note(text="second"))
        if flushes:
            site.session.flush()
        site.send()
        assert site.queued() == []
        site.session.commit() if commits else site.session.rollback()
        assert site.queued() == (["Hello"] if commits else [])
    assert site.queued() == (["Hello"] if commits else [])
    assert site.notes() == (["first", "second"] if commits else ["first"])


def changed(site: Site) -> None:
    site.read().text = "changed"


def deleted(site: Site) -> None:
    site.session.delete(site.read())


def by_orm(site: Site) -> None:
    site.session.execute(update(site.Note).values(text="changed"))


def by_core(site: Site) -> None:
    site.session.execute(insert(site.Note.__table__).values(text="x"))


def by_text(site: Site) -> None:
    site.session.execute(text("INSERT INTO note (text) VALUES ('x')"))


def by_connection(site: Site) -> None:
    site.session.connection().execute(insert(site.Note.__table__).values(text="x"))


def by_driver(site: Site) -> None:
    site.session.connection().exec_driver_sql("\n update note SET text = 'x'")


def in_bulk(site: Site) -> None:
    site.session.bulk_save_objects([site.Note(text="x")])


def in_savepoint(site: Site) -> None:
    with site.session.begin_nested():
        site.write()


WAYS = [
    changed,
    deleted,
    by_orm,
    by_core,
    by_text,
    by_connection,
    by_driver,
    in_bulk,
    in_savepoint,
]


@pytest.mark.parametrize("write", WAYS, ids=lambda way: way.__name__)
def test_every_way_to_write_is_noticed(site: Site, write: Any, caplog: pytest.LogCaptureFixture) -> None:
    with site.app.app_context():
        write(site)
        site.send("Rolled back")
        site.session.rollback()
        write(site)
        site.send("Forgotten")
        site.session.remove()
        write(site)
        site.send("Committed")
        site.session.commit()
    assert site.queued() == ["Committed"]
    assert told(caplog) == dropped(NEVER)


def test_a_mail_of_a_savepoint_lives_and_dies_with_it(site: Site) -> None:
    with site.app.app_context():
        site.read()
        with site.session.begin_nested():
            site.send("Kept")
        with suppress(ZeroDivisionError), site.session.begin_nested():
            site.send("Undone")
            raise ZeroDivisionError
        site.send("After")
        site.session.commit()
    assert site.queued() == ["After", "Kept"]


def test_a_mail_dies_with_a_savepoint_inside_which_it_is_the_first_write(site: Site) -> None:
    with site.app.app_context():
        savepoint = site.session.begin_nested()
        site.send()
        savepoint.rollback()
        site.session.commit()
    assert site.queued() == []


def test_a_transaction_that_nobody_commits_takes_its_mail_along_with_a_warning(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    with site.app.app_context():
        site.write()
        site.send()
        site.send()
    assert (site.queued(), site.notes()) == ([], ["first"])
    assert told(caplog) == dropped(NEVER, 2)


# (c) The session has only read.


def test_after_a_read_a_mail_waits_for_the_end_of_the_context(site: Site) -> None:
    with site.app.app_context():
        site.read()
        site.send()
        assert site.queued() == []
    assert site.queued() == ["Hello"]


def test_after_a_read_a_mail_goes_with_the_next_commit(site: Site) -> None:
    with site.app.app_context():
        site.read()
        site.send()
        site.write("second")
        site.send("Second")
        site.session.commit()
        assert (site.notes(), site.queued()) == (["first", "second"], ["Hello", "Second"])


def test_a_rollback_drops_what_waits_and_says_so(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "outbox"), site.app.app_context():
        site.read()
        site.send()
        site.session.rollback()
    assert site.queued() == []
    assert [record.__dict__["outbox"] for record in caplog.records] == [
        {"event": "mails_rolled_back", "mails": 1}
    ]


def test_a_commit_that_fails_takes_along_what_waited(site: Site) -> None:
    with site.app.app_context():
        first = site.read()
        site.send()
        site.session.add(site.Note(id=first.id, text="twice"))
        with pytest.raises(IntegrityError), pytest.warns():
            site.session.commit()
        site.session.rollback()
        site.send("Sorry")
    assert site.queued() == ["Sorry"]


def test_an_exception_drops_what_waits_with_a_warning(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    with suppress(ZeroDivisionError), site.app.app_context():
        site.read()
        site.send()
        raise ZeroDivisionError
    assert site.queued() == []
    assert told(caplog) == dropped("the application context ended with ZeroDivisionError")


@pytest.mark.parametrize("closes", [True, False])
@pytest.mark.parametrize("flushes", [True, False])
def test_what_was_written_later_and_never_committed_drops_what_waits(
    site: Site, caplog: pytest.LogCaptureFixture, *, flushes: bool, closes: bool
) -> None:
    with site.app.app_context():
        note = site.read()
        site.send()
        note.text = "changed"
        if flushes:
            site.session.flush()
        if closes:
            site.session.remove()
    assert (site.queued(), site.notes()) == ([], ["first"])
    assert told(caplog) == dropped(HAD_WRITTEN)


def test_a_session_that_was_closed_after_a_read_leaves_its_mail_to_the_end(site: Site) -> None:
    with site.app.app_context():
        site.read()
        site.send()
        site.session.remove()
        assert site.queued() == []
        site.write("rolled back later")
        site.session.rollback()
    assert (site.queued(), site.notes()) == (["Hello"], ["first"])


@pytest.mark.parametrize("ends", ["is released", "is rolled back"])
def test_a_savepoint_that_only_read_decides_on_nothing(site: Site, ends: str) -> None:
    with site.app.app_context():
        site.read()
        site.send()
        savepoint = site.session.begin_nested()
        site.read()
        savepoint.commit() if ends == "is released" else savepoint.rollback()
        assert site.queued() == []
    assert site.queued() == ["Hello"]


def test_an_explicit_begin_takes_what_waits_along(site: Site) -> None:
    with site.app.app_context():
        with site.session.begin():
            site.send()
            assert site.queued() == []
        assert site.queued() == ["Hello"]


def test_what_waits_is_checked_when_it_is_sent(site: Site) -> None:
    with site.app.app_context():
        site.read()
        with pytest.raises(ValueError, match="recipients"):
            site.send(recipients=["no address"])
        huge = message_of()
        huge.attach("big.bin", data=b"x" * 26 * 1024 * 1024)
        with pytest.raises(ValueError, match=r"size: .* above the limit"):
            site.mail.send(huge)
        assert site.session.execute(select(1)).scalar_one() == 1
    assert site.queued() == []
