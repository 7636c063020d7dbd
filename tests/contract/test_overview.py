"""What `outbox top` shows is what stands in the tables."""

from uuid import UUID

from sqlalchemy import insert, update

import outbox
from outbox.cli.top_frame import Rates, frame
from outbox.store.clock import utc_now
from outbox.store.overview import LAST_FAILED, Overview, overview
from outbox.store.schema import GateKind, SessionState, gate, session
from outbox.store.sessions import Totals
from tests.contract.scene import Scene, ago, in_state


def look(scene: Scene) -> Overview:
    return scene.database.read(overview)


def cells(now: Overview, rates: dict[UUID, float] | None = None) -> dict[str, list[list[object]]]:
    return {section.title: [list(row) for row in section.rows] for section in frame(now, rates or {})}


def test_an_empty_outbox_has_nothing_to_show(scene: Scene) -> None:
    assert cells(look(scene)) == {"Queue": [], "Gates": [], "Daemons": [], "Failed last": []}


def test_the_queue_is_told_by_stream_and_status_with_the_age_of_what_is_due(scene: Scene) -> None:
    scene.change(scene.mail(3), due_at=ago(90))
    scene.change(scene.mail(stream="bulk"), **in_state("held"))
    scene.change(scene.mail(), **in_state("sent"))
    assert cells(look(scene))["Queue"] == [
        ["bulk", "held", "1", None],
        ["default", "pending", "3", "1m 30s"],
    ]


def test_each_thing_that_keeps_mail_at_a_gate_is_told(scene: Scene) -> None:
    with scene.application.begin() as connection:
        outbox.pause(connection, stream="bulk", why="prices are wrong", who="ann")
    with scene.admin.begin() as connection:
        relay, stream = {"kind": GateKind.RELAY.value}, {"kind": GateKind.STREAM.value}
        down = {"opened_at": ago(60), "open_until": ago(-60), "fault": "no answer"}
        for row in (
            {**relay, "name": "down", **down},
            {**relay, "name": "slow", "pace": 2.5, "paced_at": utc_now()},
            {**relay, "name": "up"},
            # Once paused: each relay is told, but of streams only what keeps mail.
            {**stream, "name": "idle"},
            {**stream, "name": "news", "short_of": "quota", "short_since": ago(9), "short_until": ago(-9)},
        ):
            connection.execute(insert(gate).values(row))
    told = {row[0]: (row[1], row[4]) for row in cells(look(scene))["Gates"]}
    assert told == {
        "relay down": ("down", "no answer"),
        "relay slow": ("slowed to 2.5/s", None),
        "relay up": ("open", None),
        "stream bulk": ("paused", "by ann: prices are wrong"),
        "stream news": ("short of its quota", None),
    }


def test_what_a_gate_has_used_of_its_quota_is_told_on_that_day(scene: Scene) -> None:
    now = look(scene).at
    with scene.admin.begin() as connection:
        connection.execute(
            insert(gate).values(kind="relay", name="main", quota_used=1200, quota_day=now.date())
        )
    assert cells(look(scene))["Gates"] == [["relay main", "open", None, None, "1,200 of today's quota"]]


def test_a_daemon_s_rate_is_that_between_its_beats_and_a_silent_one_is_told(scene: Scene) -> None:
    me, silent = scene.start(), scene.start()
    with scene.admin.begin() as connection:
        connection.execute(update(session).where(session.c.id == me).values(beat_at=ago(10)))
        connection.execute(update(session).where(session.c.id == silent).values(beat_at=ago(70)))
    scene.start(SessionState.STOPPED)
    rates = Rates()
    assert rates.look(look(scene)) == {}
    assert scene.sessions.beat(me, Totals(sent=500))
    (rate,) = [*rates.look(look(scene)).values()]
    assert 30 < rate <= 50
    assert [*rates.look(look(scene))] == [me]
    rows = {row[1]: row for row in cells(look(scene), {me: rate})["Daemons"]}
    assert set(rows) == {"running", "silent"}
    assert rows["running"][4:6] == [f"{rate:,.1f}", "500"]
    assert rows["silent"][4] is None


def test_what_failed_last_is_told_with_the_relay_s_words(scene: Scene) -> None:
    ids = scene.mail(LAST_FAILED + 1)
    for n, id_ in enumerate(ids):
        scene.change(id_, **in_state("failed") | {"finished_at": ago(60 - n)}, recipient=f"{n}@example.org")
    scene.change(ids[-1], reply_code=550, enhanced_code="5.1.1", reply="no such user")
    scene.change(ids[-2], reason="too_old")
    scene.change(scene.mail(to="9@example.org"), **in_state("sent"))
    told = cells(look(scene))["Failed last"]
    assert [row[1] for row in told] == [f"{n}@example.org" for n in (5, 4, 3, 2, 1)]
    assert [row[2:] for row in told[:2]] == [["Hello", "550 5.1.1 no such user"], ["Hello", "too_old"]]
