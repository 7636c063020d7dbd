"""Each stream is a lane of its own, found whenever it has mail, and none waits behind another."""

from collections import Counter
from functools import partial

import pytest
from sqlalchemy import insert

from outbox.mail.route import Routes
from outbox.mail.share import MOST, Shares
from outbox.mail.status import Lane
from outbox.mail.stream import Priority, Stream, Streams
from outbox.store.lanes import LONGEST, Lanes, Line
from outbox.store.moves import Claim
from outbox.store.queue import Queue
from outbox.store.schema import delivery
from tests.contract.scene import Scene, ago
from tests.plans.watching import watched

NAMES = ["DEFAULT", "Default", "bulk", "default", "tenant-42"]


def streams_of(claims: list[Claim]) -> Counter[str]:
    return Counter(claim.stream for claim in claims)


def queue(scene: Scene, streams: Streams) -> Queue:
    return Queue(scene.database, shares=Shares(streams))


@pytest.mark.parametrize("stream", NAMES)
def test_mail_goes_into_the_stream_that_it_names_byte_by_byte(scene: Scene, stream: str) -> None:
    (id_,) = scene.mail(stream=stream)
    assert scene.row(id_).stream == stream
    assert scene.queue.has_due()
    (claim,) = scene.queue.claim(scene.start(), 10)
    assert (id_, Line(stream, Lane.FRESH)) == (claim.delivery_id, claim.line)


def test_a_look_finds_the_oldest_of_every_line(scene: Scene) -> None:
    expected = {}
    for age, stream in enumerate(NAMES):
        for lane in Lane:
            first, second = scene.mail(2, stream=stream)
            scene.change(first, lane=int(lane), due_at=ago(60 * (age + int(lane) + 1)))
            scene.change(second, lane=int(lane), due_at=ago(-600 if age else 0))
            expected[Line(stream, lane)] = (scene.row(first).due_at, True)
    (later,) = scene.mail(stream="zebra")
    scene.change(later, due_at=ago(-600))
    expected[Line("zebra", Lane.FRESH)] = (scene.row(later).due_at, False)
    sent, held = scene.mail(2, stream="other")
    scene.change(sent, status="sent", finished_at=ago(0))
    scene.change(held, status="held")
    edges, now = scene.database.read(scene.daemon.edges)
    assert expected == {edge.line: (edge.oldest, edge.is_due) for edge in edges}
    assert max(oldest for oldest, is_due in expected.values() if is_due) <= now


def test_fault_86_one_mail_of_a_tenant_is_in_the_next_claim_behind_a_thousand_of_another(
    scene: Scene,
) -> None:
    scene.mail(1000, stream="a")
    me = scene.start()
    assert streams_of(scene.queue.claim(me, 50)) == {"a": 50}
    (mine,) = scene.mail(stream="b")
    scene.queue = Queue(scene.database)  # whatever this daemon did before
    claims = scene.queue.claim(me, 20)
    assert streams_of(claims) == {"a": 19, "b": 1}
    assert mine in {claim.delivery_id for claim in claims}


def test_streams_share_a_claim_by_weight_and_class(scene: Scene) -> None:
    for stream in ("code", "a", "b", "letter"):
        scene.mail(40, stream=stream)
    known = Streams(
        {
            "code": Stream(priority=Priority.HIGH),
            "a": Stream(weight=3),
            "letter": Stream(priority=Priority.LOW),
        }
    )
    claims = queue(scene, known).claim(scene.start(), 40)
    assert streams_of(claims) == {"code": 32, "a": 3, "b": 1, "letter": 4}


def test_places_that_one_stream_has_no_mail_for_go_to_the_others(scene: Scene) -> None:
    scene.mail(30, stream="a")
    scene.mail(2, stream="b")
    assert streams_of(scene.queue.claim(scene.start(), 20)) == {"a": 18, "b": 2}


@pytest.mark.parametrize("limit", [2, 4, 8])
def test_a_low_class_has_its_part_also_of_small_claims_beside_retries_of_a_high_one(
    scene: Scene, limit: int
) -> None:
    scene.change(scene.mail(100, stream="high"), lane=int(Lane.RETRY))
    scene.mail(100, stream="high")
    scene.mail(100, stream="low")
    known = Streams({"high": Stream(priority=Priority.HIGH), "low": Stream(priority=Priority.LOW)})
    scene.queue = Queue(scene.database, shares=Shares(known))
    me = scene.start()
    had = Counter(claim.stream for _ in range(80 // limit) for claim in scene.queue.claim(me, limit))
    assert had["low"] == 4


def test_retries_of_one_stream_take_no_place_of_the_fresh_mail_of_another(scene: Scene) -> None:
    retries = scene.mail(40, stream="a")
    scene.change(retries, lane=int(Lane.RETRY))
    scene.mail(40, stream="b")
    assert streams_of(scene.queue.claim(scene.start(), 20)) == {"a": 10, "b": 10}


def test_no_more_retries_are_claimed_than_are_wanted(scene: Scene) -> None:
    retries = scene.mail(10)
    scene.change(retries, lane=int(Lane.RETRY))
    scene.mail(3)
    me = scene.start()
    lanes = Counter(claim.lane for claim in scene.queue.claim(me, 20, retries=2))
    assert lanes == {Lane.FRESH: 3, Lane.RETRY: 2}
    assert scene.queue.claim(me, 1, retries=0) == []


def test_a_paused_stream_is_left_alone_and_blocks_no_other(scene: Scene) -> None:
    scene.mail(5, stream="a")
    rescued, *_ = scene.mail(5, stream="b")
    scene.change(rescued, lane=int(Lane.ALONE))
    me = scene.start()
    assert streams_of(scene.queue.claim(me, 10, paused={"b"})) == {"a": 5}
    assert not scene.queue.has_due(paused={"b"})
    assert scene.queue.has_due(paused={"a"})
    assert streams_of(scene.queue.claim(me, 10)) == {"b": 5}


@pytest.mark.parametrize("others", ["paused", "of another relay", "without room"])
def test_however_many_streams_are_not_served_now_those_that_are_need_no_look(
    scene: Scene, others: str
) -> None:
    names = [f"tenant-{n:02}" for n in range(2 * MOST)]
    for name in names:
        scene.mail(stream=name)
    scene.mail(30, stream="zebra")
    known = Streams(dict.fromkeys(names, Stream(("ses",))) if others == "of another relay" else {})
    clock = [0.0]
    routes = Routes(known, ["main"], ("main",))
    serves = partial(routes.serves, "main")
    scene.queue = Queue(scene.database, Lanes(lambda: clock[0], routes.concerns), Shares(known, serves))
    paused = frozenset(names if others == "paused" else ())
    spent = frozenset(names if others == "without room" else ())
    me = scene.start()

    def claimed() -> int:
        return len(scene.queue.claim(me, 10, paused=paused, room=lambda name: 0 if name in spent else None))

    assert [claimed() for _ in range(4)] == [10, 10, 10, 0]


def test_a_daemon_leaves_the_streams_of_another_relay_to_its_daemons(scene: Scene) -> None:
    for stream in ("bulk", "default", "tenant-42"):
        scene.mail(2, stream=stream)
    known = Streams({"bulk": Stream(("ses",))})
    ours, ses = (
        Queue(scene.database, shares=Shares(known, partial(Routes(known, [relay], unnamed).serves, relay)))
        for relay, unnamed in (("main", ("main",)), ("ses", ()))
    )
    me = scene.start()
    assert streams_of(ours.claim(me, 10)) == {"default": 2, "tenant-42": 2}
    assert not ours.has_due()
    assert ses.has_due()
    assert streams_of(ses.claim(me, 10)) == {"bulk": 2}


def test_a_new_stream_is_found_by_the_next_look_and_a_known_one_without(scene: Scene) -> None:
    clock = [0.0]
    scene.queue = Queue(scene.database, Lanes(lambda: clock[0]))
    scene.mail(stream="known")
    me = scene.start()
    scene.queue.claim(me, 10)
    scene.mail(stream="known")
    scene.mail(stream="new")
    assert scene.queue.has_due()
    assert streams_of(scene.queue.claim(me, 10)) == {"known": 1}
    assert not scene.queue.has_due()
    clock[0] += LONGEST
    assert scene.queue.has_due()
    assert streams_of(scene.queue.claim(me, 10)) == {"new": 1}


def test_hundreds_of_tenants_are_all_served_within_a_few_claims(scene: Scene) -> None:
    names = [f"tenant-{n:03}" for n in range(5 * MOST)]
    (first,) = scene.mail()
    row = {"message_id": scene.row(first).message_id, "recipient": "ann@example.org", "size": 18}
    with scene.admin.begin() as connection:
        connection.execute(
            insert(delivery), [row | {"n": n, "stream": name} for n, name in enumerate(names, start=1)]
        )
    me = scene.start()
    found: Counter[str] = Counter()
    for _ in range(7):
        with watched(scene) as seen:
            found += streams_of(scene.queue.claim(me, 100))
        assert len(seen) <= MOST * 3 + 10
    assert Counter([*names, "default"]) == found


def test_of_a_stream_there_is_room_for_few_of_those_few_are_claimed_and_the_rest_of_the_others(
    scene: Scene,
) -> None:
    for name in ("bulk", "full", "tenant-42"):
        scene.mail(10, stream=name)
    rooms = {"bulk": 3, "full": 0}
    claims = scene.queue.claim(scene.start(), 20, room=rooms.get)
    assert streams_of(claims) == {"bulk": 3, "tenant-42": 10}
    assert not scene.queue.has_due(room={"bulk": 0, "full": 0}.get)
    assert scene.queue.has_due(room={"bulk": 1, "full": 0}.get)
