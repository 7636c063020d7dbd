"""While verdicts cannot be stored nothing new is sent, and work resumes by itself."""

import os
import threading

from sqlalchemy import text

from tests.support.daemon import Application, application
from tests.support.inside import daemon_inside
from tests.support.ledger import LedgerSink
from tests.support.scripted import Peer, scripted
from tests.support.waiting import wait_until

MAILS = 400
LOCK = text("SELECT id FROM outbox_delivery WHERE status = 'sending' FOR UPDATE")


def test_fault_20_verdicts_that_cannot_be_stored_stop_claims_and_dots_until_they_can(
    postgresql_url: str,
) -> None:
    with application(postgresql_url) as app, LedgerSink(delay=0.05) as sink:
        app.enqueue(MAILS)
        with daemon_inside(postgresql_url, sink.port, silence=None, connections=4, lease_ttl=3) as inside:
            sink.wait_entries(20)
            with app.engine.begin() as other:
                other.execute(LOCK)
                wait_until(lambda: inside.do(inside.daemon._recorder.is_stalled), "verdicts have waited")
                seen = len(sink.wait_quiet()), app.counts()["sending"], app.counts()["pending"]
                app.wait_beats(os.getpid(), 4)
                assert seen == (len(sink.entries()), app.counts()["sending"], app.counts()["pending"])
                assert app.counts()["pending"] > 0
            app.wait_sent(MAILS)
            inside.drain()
        assert_each_was_sent_once(app, sink)


def test_fault_20_a_body_that_has_left_gets_no_dot_while_verdicts_cannot_be_stored(
    postgresql_url: str,
) -> None:
    dotted, locked, stalled = (threading.Event() for _ in range(3))

    def slow(peer: Peer) -> None:
        peer.greet()  # without PIPELINING: each command waits for the answer to the one before
        take_envelope(peer)
        peer.say("354 go")
        peer.hear_message()
        dotted.set()
        assert locked.wait(20)
        peer.say("250 2.0.0 Ok")
        take_envelope(peer)
        assert stalled.wait(20)
        peer.say("354 go")
        peer.hear_the_end()
        assert peer.heard.count(b"\r\n.\r\n") == 1

    def sound(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail()
        peer.take_quit()

    with scripted(slow, sound) as relay, application(postgresql_url) as app:
        app.enqueue(2)
        with daemon_inside(postgresql_url, relay.port, silence=None) as inside:
            assert dotted.wait(20)
            with app.engine.begin() as other:
                other.execute(LOCK)
                locked.set()
                wait_until(lambda: inside.do(inside.daemon._recorder.is_stalled), "the verdict has waited")
                stalled.set()
                wait_until(lambda: inside.do(lambda: inside.daemon._recorder.backlog) == 2, "it is aborted")
            app.wait_sent(2)
            inside.drain()
        assert app.counts() == {"sent": 2}
        assert app.scalar("SELECT count(*) FROM outbox_attempt") == 0


def take_envelope(peer: Peer) -> None:
    for verb in ("MAIL FROM", "RCPT TO"):
        peer.hear(verb)
        peer.say("250 ok")
    peer.hear("DATA")


def assert_each_was_sent_once(app: Application, sink: LedgerSink) -> None:
    assert app.counts() == {"sent": MAILS}
    assert len(sink.entries()) == MAILS
    assert set(app.committed()) == {(entry.message_id, entry.recipient) for entry in sink.entries()}
    assert app.scalar("SELECT count(*) FROM outbox_attempt") == 0
