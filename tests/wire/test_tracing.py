"""Each sending is traced, linked to the page that has enqueued the mail, and never says whose it is."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from sqlalchemy import text

from outbox.embedded import Daemon
from outbox.testing import FaultyServer
from tests.support.daemon import Application, RunningDaemon, application
from tests.support.tracing import linked, page, traces
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("no_settings")

SUBJECT = "Ihre vertrauliche Diagnose"
HOSTILE = "00-ffffffffffffffffffffffffffffffff-'); DROP TABLE--\x1b[31m01"
SAYS = {
    "busy": f"450 4.2.1 <marlene.busy@customer.example>: marlene.busy is busy with {SUBJECT}",
    "unknown": f"550 5.1.1 <marlene.unknown@customer.example>: no marlene.unknown for {SUBJECT}",
}


def address(who: str) -> str:
    return f"marlene.{who}@customer.example"


@pytest.fixture
def shop(database_url: str) -> Iterator[Application]:
    with application(database_url) as shop:
        yield shop


@pytest.fixture
def relay() -> Iterator[FaultyServer]:
    with FaultyServer(rcpt={address(who): reply for who, reply in SAYS.items()}) as relay:
        yield relay


def enqueue(shop: Application, *who: str, **fields: Any) -> str:
    """Enqueue a mail as a page does; return the context of that page."""
    with page() as context:
        shop.enqueue_one(to=[address(each) for each in who], subject=SUBJECT, text="Hello.", **fields)
    return context


def told_by(daemon: Daemon, count: int) -> list[ReadableSpan]:
    """Run a daemon in this process until it has told so many spans; return them."""
    traces().clear()
    # Started on a page, as an application may: its spans are none of that page's.
    with page():
        daemon.start()
    try:
        wait_until(lambda: len(traces().ours) >= count, f"{count} spans are told")
    finally:
        daemon.stop()
    return list(traces().ours)


def daemon_of(url: str, relay: FaultyServer) -> Daemon:
    return Daemon(
        database_url=url, smtp_host="127.0.0.1", smtp_port=relay.port, smtp_tls="none", poll_interval=0.1
    )


def test_each_sending_is_a_span_that_is_linked_to_the_page_which_enqueued_the_mail(
    shop: Application, relay: FaultyServer, database_url: str
) -> None:
    pages = {who: enqueue(shop, who, stream=who) for who in ("takes", "busy", "unknown")}
    spans = told_by(daemon_of(database_url, relay), 3)
    assert shop.counts() == {"sent": 1, "pending": 1, "failed": 1}
    by_stream = {str((span.attributes or {})["outbox.stream"]): span for span in spans}
    assert len(spans) == len(by_stream)
    assert {who: linked(span) for who, span in by_stream.items()} == {who: [at] for who, at in pages.items()}
    assert {who: span.status.description for who, span in by_stream.items()} == {
        "takes": None,
        "busy": "deferred RCPT TO 450 4.2.1",
        "unknown": "rejected RCPT TO 550 5.1.1",
    }
    for span in spans:
        assert (span.parent, span.kind) == (None, trace.SpanKind.CLIENT)
        assert span.attributes is not None
        assert span.attributes["server.port"] == relay.port
        told = span.to_json()
        assert [secret for secret in ("marlene", "customer.example", SUBJECT) if secret in told] == []


def test_whatever_stands_in_the_row_the_mail_is_sent_and_the_span_is_linked_to_nothing(
    shop: Application, relay: FaultyServer, database_url: str
) -> None:
    for who in ("takes", "too"):
        enqueue(shop, who)
    with shop.engine.begin() as connection:
        connection.execute(text("UPDATE outbox_message SET traceparent = :odd"), {"odd": HOSTILE[:55]})
    spans = told_by(daemon_of(database_url, relay), 2)
    assert shop.counts() == {"sent": 2}
    assert [linked(span) for span in spans] == [[], []]
    assert "DROP" not in "".join(span.to_json() for span in spans)


def test_a_mail_to_several_is_one_span(shop: Application, relay: FaultyServer, database_url: str) -> None:
    context = enqueue(shop, "takes", "too", "unknown")
    (span,) = told_by(daemon_of(database_url, relay), 1)
    assert shop.counts() == {"sent": 2, "failed": 1}
    assert linked(span) == [context]
    assert span.attributes is not None
    assert (span.attributes["outbox.recipients"], span.attributes["outbox.sent"]) == (3, 2)


class Instrumented(RunningDaemon):
    """The daemon under the program that gives it a provider, as docs/observing.md has it."""

    def launch(self) -> None:
        """Start it; its spans go to its log."""
        self._environment |= {
            "OTEL_TRACES_EXPORTER": "console",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
        }
        program = Path(sys.executable).with_name("opentelemetry-instrument")
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [program, sys.executable, "-m", *self.program],
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


def test_a_daemon_that_is_instrumented_exports_its_spans_until_its_end(
    sqlite_url: str, relay: FaultyServer, tmp_path: Path
) -> None:
    with application(sqlite_url) as shop, Instrumented(sqlite_url, tmp_path, port=relay.port) as daemon:
        context = enqueue(shop, "takes")
        shop.wait_sent(1)
        # The exporter has a batch in hand, of which the end of the process makes sure.
        assert daemon.terminate() == 0
        (span,) = re.findall(r"^\{\n.*?^\}", daemon.log(), re.MULTILINE | re.DOTALL)
    told = json.loads(span)
    assert (told["name"], told["kind"]) == (f"send 127.0.0.1:{relay.port}", "SpanKind.CLIENT")
    (link,) = told["links"]
    ids = (link["context"][name].removeprefix("0x") for name in ("trace_id", "span_id"))
    assert [*ids] == context.split("-")[1:3]
