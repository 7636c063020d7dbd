"""Against a Postfix that takes ten recipients a transaction: nobody waits, and the limit is learnt once."""

import re
from collections import Counter
from pathlib import Path

from tests.support.daemon import Application, RunningDaemon, application
from tests.support.postfix import PostfixServer
from tests.support.waiting import wait_until

SAID = re.compile(r"disconnect from .* rcpt=(?:\d+/)?(\d+)")


def recipients_said(postfix: PostfixServer) -> int:
    """Return how many RCPT TO Postfix has heard in connections that have ended."""
    wait_until(lambda: SAID.search(postfix.log()) is not None, "Postfix has logged what it heard")
    return sum(int(count) for count in SAID.findall(postfix.log()))


def enqueue_to_25(app: Application, tag: str) -> set[str]:
    everybody = [f"{tag}{n}@example.org" for n in range(25)]
    with app.engine.begin() as connection:
        app.outbox.enqueue(connection, to=everybody, subject=tag, text="Hello, all.")
    return set(everybody)


def test_25_recipients_are_sent_through_a_limit_of_10_without_an_attempt_more(
    sqlite_url: str, tmp_path: Path
) -> None:
    limit = {"smtpd_recipient_limit": "10"}
    with application(sqlite_url) as app, PostfixServer(settings=limit) as postfix:
        first = enqueue_to_25(app, "first")
        with RunningDaemon(sqlite_url, tmp_path, port=postfix.port, connections=1) as daemon:
            app.wait_sent(25)
            second = enqueue_to_25(app, "second")
            app.wait_sent(50)
            assert daemon.terminate() == 0
        assert app.counts() == {"sent": 50}
        assert app.scalar("SELECT count(*) FROM outbox_delivery WHERE attempts <> 1") == 0
        postfix.wait_delivered(50)
        assert Counter(first | second) == postfix.recipients()
        # Of the first 25 those that came too late were said twice; then we knew.
        assert 50 < recipients_said(postfix) <= 65
