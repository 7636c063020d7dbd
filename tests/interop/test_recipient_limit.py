"""Against a Postfix that takes ten recipients a transaction: nobody waits, and later runs know the limit."""

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.support.daemon import Application, RunningDaemon, application
from tests.support.postfix import PostfixServer
from tests.support.waiting import wait_until

CONNECTED = re.compile(r"\]: connect from ")
ENDED = re.compile(r"\]: disconnect from ")
SAID = re.compile(r" rcpt=(?:\d+/)?(\d+)")


def recipients_said(postfix: PostfixServer) -> int:
    """Return how many RCPT TO Postfix has heard so far, once all connections have ended."""
    wait_until(
        lambda: len(CONNECTED.findall(postfix.log())) == len(ENDED.findall(postfix.log())),
        "all connections have ended",
    )
    return sum(int(count) for count in SAID.findall(postfix.log()))


def enqueue_to_25(app: Application, tag: str) -> set[str]:
    everybody = [f"{tag}{n}@example.org" for n in range(25)]
    with app.engine.begin() as connection:
        app.outbox.enqueue(connection, to=everybody, subject=tag, text="Hello, all.")
    return set(everybody)


@pytest.mark.interop
def test_25_recipients_are_sent_through_a_limit_of_10_without_an_attempt_more(
    sqlite_url: str, tmp_path: Path
) -> None:
    limit = {"smtpd_recipient_limit": "10"}
    with application(sqlite_url) as app, PostfixServer(settings=limit) as postfix:
        first = enqueue_to_25(app, "first")
        # Eight, so that already the first claim is larger than the limit: it is twice the connections.
        with RunningDaemon(sqlite_url, tmp_path, port=postfix.port, connections=8) as daemon:
            app.wait_sent(25)
            assert daemon.terminate() == 0
            first_run = recipients_said(postfix)
            second = enqueue_to_25(app, "second")
            daemon.start()
            app.wait_sent(50)
            assert daemon.terminate() == 0
        assert app.counts() == {"sent": 50}
        assert app.scalar("SELECT count(*) FROM outbox_delivery WHERE attempts <> 1") == 0
        postfix.wait_delivered(50)
        assert Counter(first | second) == postfix.recipients()
        # Those that came too late were said twice; the next run knew.
        assert first_run > 25
        assert recipients_said(postfix) == first_run + 25
