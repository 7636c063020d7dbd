"""What a running daemon tells a monitoring system."""

import signal
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

import outbox
from outbox.embedded import Daemon
from outbox.errors import ListenError, SettingsError
from outbox.metrics.catalogue import CATALOGUE, Kind
from outbox.settings import load
from outbox.settings.make_metrics import metrics_of
from outbox.store.schema import delivery
from outbox.testing import FaultyServer
from tests.contract.scene import ago
from tests.support.daemon import RunningDaemon, application
from tests.support.database_proxy import DatabaseProxy
from tests.support.moody import MoodyRelay
from tests.support.scrape import Monitor
from tests.support.scripted import scripted
from tests.support.sitting import Sitting
from tests.support.waiting import answers, free_port, wait_until


def test_every_metric_is_there_with_what_has_happened(database_url: str, tmp_path: Path) -> None:
    refusals = {"no@example.org": "550 5.1.1 unknown", "later@example.org": "450 4.2.1 busy"}
    port = free_port()
    monitor = Monitor(port)
    with FaultyServer(rcpt=refusals) as relay, application(database_url) as app:
        app.enqueue(3)
        for name in ("no", "later"):
            app.enqueue_one(to=f"{name}@example.org", subject="Hello", text="Hello.")
        with RunningDaemon(
            database_url,
            tmp_path,
            port=relay.port,
            state_dir=tmp_path,
            relay_name="mx",
            streams='{"default": {"relay": "mx"}}',
            metrics_listen=f"127.0.0.1:{port}",
        ) as daemon:
            wait_until(lambda: app.counts() == {"sent": 3, "failed": 1, "pending": 1}, "all are judged")
            wait_until(lambda: monitor.value("outbox_deliveries", "pending") == 1, "the depth is read anew")
            page = monitor.page("/metrics")[1]
            samples = monitor.samples()
            assert (monitor.page("/healthz"), monitor.page("/readyz")) == ((200, "ok\n"), (200, "ok\n"))
            assert daemon.terminate() == 0
    families = {each.name: each for each in text_string_to_metric_families(page)}
    ours = {name for name in families if not name.startswith("process_")}
    exported = {each.name.removesuffix("_total") for each in CATALOGUE}
    assert exported == ours
    for metric in CATALOGUE:
        family = families[metric.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.kind.value, metric.what)
        for sample in family.samples:
            bucket = {"le"} if sample.name.endswith("_bucket") else set()
            assert set(sample.labels) == {*metric.labels} | bucket
        if metric.kind is not Kind.HISTOGRAM:
            assert family.samples, metric.name
    assert samples["outbox_sent_total"] == {("mx",): 3}
    assert samples["outbox_failed_total"] == {("4xx", "mx"): 0, ("5xx", "mx"): 1, ("none", "mx"): 0}
    assert samples["outbox_deferred_total"] == {("4xx", "mx"): 1, ("5xx", "mx"): 0, ("none", "mx"): 0}
    assert samples["outbox_send_seconds_count"] == {("mx",): 5}
    assert samples["outbox_queue_seconds_count"] == {("mx",): 5}
    assert samples["outbox_deliveries"] == {("pending",): 1, ("sending",): 0, ("held",): 0, ("in_doubt",): 0}
    assert samples["outbox_journal"] == {("off",): 0, ("written",): 1, ("failed",): 0}
    assert (samples["outbox_ready"], samples["outbox_database_up"]) == ({(): 1}, {(): 1})
    # It was due when it was enqueued, before the daemon began.
    assert samples["outbox_queue_seconds_sum"]["mx",] > 0


def test_the_oldest_due_age_is_that_of_what_waits_for_no_person(database_url: str, tmp_path: Path) -> None:
    port = free_port()
    monitor = Monitor(port)
    with MoodyRelay() as relay, application(database_url) as app:
        relay.away = True
        for stream in ("default", "bulk", "eve@example.org"):
            app.enqueue_one(to="ann@example.org", subject="Hello", text="Hello.", stream=stream)
        ages = {"default": 100, "bulk": 4000, "eve@example.org": 50}
        with app.engine.begin() as connection:
            for stream, age in ages.items():
                due = update(delivery).where(delivery.c.stream == stream).values(due_at=ago(age))
                connection.execute(due)
        with RunningDaemon(
            database_url,
            tmp_path,
            port=relay.port,
            streams='{"bulk": {}}',
            metrics_listen=f"127.0.0.1:{port}",
        ):
            wait_until(lambda: monitor.value("outbox_ready") == 1, "it is ready")
            whole, parts = (
                monitor.samples()[f"outbox_{name}"]
                for name in ("oldest_due_age_seconds", "stream_oldest_due_age_seconds")
            )
            assert "eve" not in monitor.page("/metrics")[1]
            wait_until(
                lambda: monitor.value("outbox_breaker_open", f"127.0.0.1:{relay.port}") == 1, "it is down"
            )
            with app.engine.begin() as connection:
                outbox.pause(connection, stream="bulk", why="a test")
            wait_until(lambda: monitor.value("outbox_paused", "stream") == 1, "the pause is seen")
    assert 4000 <= whole[()] < 4060
    assert {name: value // 30 for (name,), value in parts.items()} == {
        "bulk": whole[()] // 30,
        "default": 100 // 30,
        "other": 50 // 30,
    }


def test_without_its_database_the_depth_is_left_out_and_what_was_counted_stays(
    postgresql_url: str, tmp_path: Path
) -> None:
    port = free_port()
    monitor = Monitor(port)
    with (
        MoodyRelay() as relay,
        application(postgresql_url) as app,
        DatabaseProxy(postgresql_url) as proxy,
        RunningDaemon(
            proxy.url(postgresql_url), tmp_path, port=relay.port, metrics_listen=f"127.0.0.1:{port}"
        ) as daemon,
    ):
        app.enqueue(2)
        app.wait_sent(2)
        wait_until(lambda: monitor.page("/readyz") == (200, "ok\n"), "it is ready")
        proxy.cut(refuse=True)
        wait_until(
            lambda: monitor.page("/readyz") == (503, "the database does not answer\n"), "it is not ready"
        )
        wait_until(lambda: monitor.value("outbox_deliveries", "pending") is None, "the depth is left out")
        samples = monitor.samples()
        assert samples["outbox_database_up"] == {(): 0}
        assert samples["outbox_sent_total"] == {(f"127.0.0.1:{relay.port}",): 2}
        assert "outbox_oldest_due_age_seconds" not in samples
        assert monitor.page("/healthz") == (200, "ok\n")
        proxy.admit()
        wait_until(lambda: monitor.page("/readyz") == (200, "ok\n"), "it is ready again")
        wait_until(lambda: monitor.value("outbox_database_up") == 1, "the depth is read again")
        assert daemon.terminate() == 0


def test_a_silent_database_keeps_no_scrape_waiting_for_long(postgresql_url: str, tmp_path: Path) -> None:
    port = free_port()
    monitor = Monitor(port)
    with (
        MoodyRelay() as relay,
        application(postgresql_url),
        DatabaseProxy(postgresql_url) as proxy,
        RunningDaemon(
            proxy.url(postgresql_url), tmp_path, port=relay.port, metrics_listen=f"127.0.0.1:{port}"
        ),
    ):
        wait_until(lambda: monitor.value("outbox_ready") == 1, "it is ready")
        proxy.stall()
        wait_until(lambda: monitor.value("outbox_database_up") == 0, "its silence is seen")
        assert monitor.page("/healthz") == (200, "ok\n")


def test_a_daemon_that_drains_is_healthy_and_not_ready(sqlite_url: str, tmp_path: Path) -> None:
    sitting = Sitting()
    port = free_port()
    monitor = Monitor(port)
    with scripted(sitting) as relay, application(sqlite_url) as app:
        app.enqueue(1)
        with RunningDaemon(
            sqlite_url, tmp_path, port=relay.port, connections=1, metrics_listen=f"127.0.0.1:{port}"
        ) as daemon:
            sitting.wait_dot()
            assert monitor.value("outbox_connections", f"127.0.0.1:{relay.port}", "sending") == 1
            daemon.send(signal.SIGTERM)
            wait_until(lambda: "stopping:" in daemon.log(), "the daemon drains")
            assert monitor.page("/healthz") == (200, "ok\n")
            assert monitor.page("/readyz") == (503, "the daemon is stopping\n")
            sitting.answer("250 2.0.0 Ok: queued as 4X")
            assert daemon.wait_end() == 0


def test_a_port_that_is_taken_ends_the_daemon_before_it_begins(sqlite_url: str, tmp_path: Path) -> None:
    with MoodyRelay() as other, application(sqlite_url) as app:
        app.enqueue(1)
        daemon = RunningDaemon(
            sqlite_url, tmp_path, port=other.port, metrics_listen=f"127.0.0.1:{other.port}"
        )
        daemon.launch()
        assert daemon.wait_end() == 75
        assert f"nobody can listen on port {other.port} of 127.0.0.1: Address already in use" in daemon.log()
        assert app.counts() == {"pending": 1}


@pytest.mark.usefixtures("no_settings")
def test_without_its_extra_the_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    for name in [*sys.modules]:
        if name.startswith("outbox.metrics"):
            monkeypatch.delitem(sys.modules, name)
    with (
        pytest.raises(SettingsError, match=r"^metrics_listen: .*pip install 'email-outbox\[metrics\]'$"),
        metrics_of(load(metrics_listen="127.0.0.1:9464")),
    ):
        pass


@pytest.mark.usefixtures("no_settings")
def test_a_daemon_within_an_application_serves_them_while_it_runs(sqlite_url: str) -> None:
    port = free_port()
    with FaultyServer() as relay, application(sqlite_url) as app:
        daemon = Daemon(
            database_url=sqlite_url,
            smtp_host="127.0.0.1",
            smtp_port=relay.port,
            smtp_tls="none",
            metrics_listen=f"127.0.0.1:{port}",
        )
        with daemon:
            assert Monitor(port).page("/readyz") == (200, "ok\n")
            app.enqueue(1)
            app.wait_sent(1)
            wait_until(
                lambda: Monitor(port).value("outbox_sent_total", f"127.0.0.1:{relay.port}") == 1,
                "it is counted",
            )
            other = Daemon(database_url=sqlite_url, smtp_tls="none", metrics_listen=f"127.0.0.1:{port}")
            with pytest.raises(ListenError):
                other.start()
        assert not answers(port)
