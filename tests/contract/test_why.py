"""What a mail waits for, or what became of it, is told with the remedy, from what the database knows."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert, text, update

import outbox
from outbox import Waits
from outbox.mail.rate import Demand, Limit
from outbox.mail.status import Lane, Move
from outbox.mail.waiting import MOST_AHEAD
from outbox.store.breakers import Breakers
from outbox.store.buckets import Buckets, Gate
from outbox.store.gates import Gates
from outbox.store.schema import GateKind, SessionState, delivery, gate, session
from tests.contract.ends import record, settlement
from tests.contract.scene import Scene, ago, in_state
from tests.contract.told import at, in_turn, told, why, whys

ANN, BOB = "ann@example.org", "bob@example.org"


def test_what_is_due_is_in_its_turn(scene: Scene) -> None:
    scene.start()
    (id_,) = scene.mail()
    assert told(why(scene, id_)) == in_turn("0")


NO_DAEMON = (Waits.NO_DAEMON, None, "it is due, but no daemon is running: start one (outbox run)")


@pytest.mark.parametrize("state", [None, *SessionState])
def test_without_a_daemon_that_takes_mail_that_is_told(scene: Scene, state: SessionState | None) -> None:
    if state is not None:
        scene.start(state)
    (id_,) = scene.mail()
    assert told(why(scene, id_)) == (in_turn("0") if state is SessionState.RUNNING else NO_DAEMON)


def test_a_daemon_that_beats_no_more_is_none(scene: Scene) -> None:
    me = scene.start()
    with scene.admin.begin() as connection:
        connection.execute(update(session).where(session.c.id == me).values(beat_at=ago(61)))
    (id_,) = scene.mail()
    assert told(why(scene, id_)) == NO_DAEMON


def test_mail_that_is_to_be_sent_later_is_scheduled(scene: Scene) -> None:
    later = datetime(2031, 1, 2, 3, 4, 5, tzinfo=UTC)
    (id_,) = scene.mail(send_at=later)
    assert told(why(scene, id_)) == (
        Waits.SCHEDULED,
        later,
        "it is to be sent at 2031-01-02 03:04:05Z, its send_at",
    )


def test_mail_that_was_put_off_tells_the_relay_s_words_and_the_next_try(scene: Scene) -> None:
    me, (claim,) = scene.held()
    record(scene.queue, me, settlement(claim, Move.DEFER))
    due = scene.row(claim.delivery_id).due_at
    assert timedelta(seconds=200) < due - datetime.now(UTC) < timedelta(seconds=400)
    words = '451 4.7.1 Greylisted, it\'s "later" \\ 100 %s ü'
    assert told(why(scene, claim.delivery_id)) == (
        Waits.RETRY,
        due,
        f"it was put off: {words}; the next try is at {at(due)}, retry(…) tries it now",
    )


def test_where_the_relay_said_nothing_what_happened_is_told(scene: Scene) -> None:
    me, (claim,) = scene.held()
    record(scene.queue, me, settlement(claim, Move.DOUBT_RESEND, detail="end of data: no answer"))
    assert why(scene, claim.delivery_id).says.startswith("it was put off: end of data: no answer; the next")


PAUSES: list[tuple[dict[str, str], str]] = [
    ({}, "all mail"),
    ({"stream": "bulk"}, "the stream 'bulk'"),
    ({"relay": "mx"}, "the relay 'mx'"),
]


@pytest.mark.parametrize("values", [{"relay": None}, {"due_at": ago(-3600)}, {"relay": "mx"}])
@pytest.mark.parametrize(("what", "words"), PAUSES)
def test_what_is_paused_tells_by_whom_since_when_and_why(
    scene: Scene, what: dict[str, str], words: str, values: dict[str, Any]
) -> None:
    (id_,) = scene.mail(stream="bulk")
    scene.change(id_, **values)
    with scene.application.begin() as connection:
        outbox.pause(connection, **what, who="bob", why="it moves")
        (pause,) = outbox.pauses(connection)
    until = scene.row(id_).due_at if "due_at" in values else None
    says = f"{words} is paused by bob since {at(pause.since)} (it moves): resume(…) lets it go"
    assert told(why(scene, id_)) == (Waits.PAUSED, until, says)


@pytest.mark.parametrize("what", [{"stream": "default"}, {"relay": "other"}])
def test_the_pause_of_another_stream_or_relay_is_not_told(scene: Scene, what: dict[str, str]) -> None:
    scene.start()
    (id_,) = scene.mail(stream="bulk")
    scene.change(id_, relay="mx")
    with scene.application.begin() as connection:
        outbox.pause(connection, **what)
    assert told(why(scene, id_)) == in_turn("0")


def test_what_its_stream_is_short_of_is_told_until_it_is_no_more(scene: Scene) -> None:
    scene.start()
    (id_,) = scene.mail(stream="bulk")
    limited = {Gate(GateKind.STREAM, "bulk"): (Limit(0.001, burst=1), Demand(1, 5))}
    Buckets(scene.database).borrow(limited)
    found = why(scene, id_)
    assert (found.waits_for, found.until is not None) == (Waits.RATE, True)
    with scene.admin.begin() as connection:
        connection.execute(update(gate).values(short_until=ago(3)))
    assert told(why(scene, id_)) == in_turn("0")


def test_when_a_relay_that_is_down_is_tried_again_is_told(scene: Scene) -> None:
    scene.start()
    (id_,) = scene.mail()
    assert Breakers(scene.database).open("mx", 60.0, seen=0)
    found = why(scene, id_)
    assert (found.waits_for, found.until is not None) == (Waits.RELAY_FAULT, True)


@pytest.mark.parametrize(("relay", "is_told"), [(None, True), ("mx", True), ("other", False)])
def test_a_fault_of_the_relay_is_told_of_mail_that_goes_by_it_or_may(
    scene: Scene, relay: str | None, *, is_told: bool
) -> None:
    scene.start()
    Gates(scene.database).report("mx", "relay mx: connecting: refused; look at smtp_host")
    (id_,) = scene.mail()
    scene.change(id_, relay=relay)
    says = "the relay 'mx' takes no mail now: connecting: refused; look at smtp_host"
    assert told(why(scene, id_)) == ((Waits.RELAY_FAULT, None, says) if is_told else in_turn("0"))


def test_a_suppressed_address_is_told_first(scene: Scene) -> None:
    ids = scene.mail(to=["Ann@example.org", BOB])
    with scene.application.begin() as connection:
        outbox.suppress(connection, ANN, "she asked")
        outbox.pause(connection)
    suppressed, paused = whys(scene, scene.row(ids[0]).message_id)
    assert told(suppressed) == (
        Waits.SUPPRESSED,
        None,
        "its address is suppressed (she asked), and it will fail: unsuppress(…) lets it go",
    )
    assert paused.waits_for is Waits.PAUSED


def test_what_is_being_sent_tells_by_whom(scene: Scene) -> None:
    _, (claim,) = scene.held()
    says = "it is being sent by process 1 on host, since when is not known"
    assert told(why(scene, claim.delivery_id)) == (Waits.BEING_SENT, None, says)
    scene.change(claim.delivery_id, session=uuid4())
    says = "it is being sent, since when is not known"
    assert told(why(scene, claim.delivery_id)) == (Waits.BEING_SENT, None, says)


def test_what_is_ahead_is_due_before_in_the_same_stream_in_no_later_lane(scene: Scene) -> None:
    scene.start()
    fresh, retry, alone, scheduled, other, gone, mine = scene.mail(7)
    scene.change([fresh, retry, alone, other, gone], due_at=ago(60))
    scene.change(scheduled, due_at=ago(-60))
    scene.change(retry, lane=int(Lane.RETRY))
    scene.change(alone, lane=int(Lane.ALONE))
    scene.change(other, stream="bulk")
    scene.change(gone, **in_state("held"))
    behind = scene.mail()
    scene.change(behind, due_at=ago(-1))
    scene.change(mine, due_at=ago(30))
    for lane, ahead in ((Lane.FRESH, 1), (Lane.RETRY, 2), (Lane.ALONE, 3)):
        scene.change(mine, lane=int(lane))
        one = why(scene, mine)
        assert (told(one), one.ahead, one.ahead_is_more) == (in_turn(str(ahead)), ahead, False)
    assert [why(scene, id_).ahead for id_ in (scheduled, gone, other)] == [0, 0, 0]


def test_no_more_are_counted_than_anybody_wants_to_know(scene: Scene) -> None:
    scene.start()
    oldest, *_, last = ids = scene.mail(MOST_AHEAD + 2)
    with scene.admin.begin() as connection:
        for which, age in ((delivery.c.id != last, 10), (delivery.c.id == oldest, 20)):
            connection.execute(update(delivery).where(which).values(due_at=ago(age)))
    one, second = why(scene, last), why(scene, ids[1])
    assert (told(one), one.ahead, one.ahead_is_more) == (in_turn("10,000 or more"), MOST_AHEAD, True)
    assert (told(second), second.ahead, second.ahead_is_more) == (in_turn("1"), 1, False)


def test_of_a_mail_in_many_places_some_are_counted_and_the_others_told(scene: Scene) -> None:
    scene.start()
    ids = scene.mail(to=[f"{n}@example.org" for n in range(22)])
    for n, id_ in enumerate(ids):
        scene.change(id_, due_at=ago(100 - n))
    found = whys(scene, scene.row(ids[0]).message_id)
    assert [*range(20), None, None] == [one.ahead for one in found]


@pytest.mark.parametrize("shared_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("by_hand", ["infinity", "-infinity", "20000-01-01 00:00:00+00"])
def test_an_instant_that_no_driver_can_read_is_told_as_near_as_can_be(scene: Scene, by_hand: str) -> None:
    scene.start()
    (id_,) = scene.mail(key="a")
    instant = text(f"'{by_hand}'::timestamptz")
    scene.change(id_, due_at=instant, expires_at=instant)
    with scene.admin.begin() as connection:
        found = outbox.status(connection, key="a")
    assert found is not None
    (one,) = found.deliveries
    year = 1 if by_hand == "-infinity" else 9999
    assert [instant and instant.astimezone(UTC).year for instant in (one.due_at, one.expires_at)] == [
        year
    ] * 2
    assert whys(scene, key="a")[0].waits_for is (Waits.IN_TURN if year == 1 else Waits.SCHEDULED)


def test_each_recipient_is_told_of_in_order_and_by_the_key(scene: Scene) -> None:
    scene.start()
    ids = scene.mail(to=[BOB, ANN, "eve@example.org"], key="a")
    scene.change(ids[1], **in_state("sent"))
    scene.change(ids[2], due_at=ago(-60))
    assert [(one.recipient, one.waits_for) for one in whys(scene, key="a")] == [
        (BOB, Waits.IN_TURN),
        (ANN, Waits.SENT),
        ("eve@example.org", Waits.SCHEDULED),
    ]


def test_of_mail_that_nobody_knows_there_is_nothing_to_tell(scene: Scene) -> None:
    scene.mail()
    assert (whys(scene, uuid4()), whys(scene, key="a")) == ([], [])


def test_a_gate_that_only_remembers_keeps_nothing(scene: Scene) -> None:
    scene.start()
    with scene.admin.begin() as connection:
        connection.execute(insert(gate).values(kind="relay", name="mx", pipelining="off"))
        outbox.pause(connection)
        outbox.resume(connection)
    (id_,) = scene.mail()
    assert told(why(scene, id_)) == in_turn("0")
