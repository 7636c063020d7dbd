"""Pauses and suppressions are closed and opened in the caller's transaction, and say who asked, and why."""

import threading
from typing import Any

import pytest
from sqlalchemy import event, insert, select

import outbox
from outbox import InvalidEmailError, InvalidRequestError, Pause
from outbox.store.schema import gate
from tests.contract.crowd import at_once
from tests.contract.scene import Scene

WHAT: list[dict[str, Any]] = [{}, {"stream": "bulk"}, {"relay": "main"}]


def pause(scene: Scene, **which: Any) -> bool:
    with scene.application.begin() as connection:
        return outbox.pause(connection, **which)


def resume(scene: Scene, **which: Any) -> bool:
    with scene.application.begin() as connection:
        return outbox.resume(connection, **which)


def paused(scene: Scene) -> list[Pause]:
    return scene.database.read(outbox.pauses)


@pytest.mark.parametrize("what", WHAT)
def test_what_is_paused_stays_so_until_it_is_resumed(scene: Scene, what: dict[str, Any]) -> None:
    assert resume(scene, **what) is False
    assert pause(scene, **what, why="the relay moves", who="ann") is True
    (first,) = paused(scene)
    assert (first.stream, first.relay, first.who, first.why) == (
        what.get("stream"),
        what.get("relay"),
        "ann",
        "the relay moves",
    )
    # Who comes second changes nothing.
    assert pause(scene, **what, why="again", who="bob") is False
    assert [first] == paused(scene)
    assert resume(scene, **what) is True
    assert paused(scene) == []
    assert resume(scene, **what) is False
    assert pause(scene, **what) is True
    assert [(each.who, each.why) for each in paused(scene)] == [("application", None)]


def test_a_pause_of_one_thing_is_none_of_another(scene: Scene) -> None:
    for what in (*WHAT, {"stream": "main"}, {"relay": "bulk"}):
        assert pause(scene, **what)
    assert [(each.relay, each.stream) for each in paused(scene)] == [
        (None, None), ("bulk", None), ("main", None), (None, "bulk"), (None, "main"),
    ]  # fmt: skip
    assert resume(scene, stream="main")
    # What was resumed stays so, whatever is paused next.
    assert pause(scene, stream="other")
    assert [(each.relay, each.stream) for each in paused(scene)] == [
        (None, None), ("bulk", None), ("main", None), (None, "bulk"), (None, "other"),
    ]  # fmt: skip


def test_what_is_known_of_a_relay_outlives_its_pause(scene: Scene) -> None:
    with scene.admin.begin() as connection:
        connection.execute(
            insert(gate).values(kind="relay", name="main", pipelining="off", fault="it is down")
        )
    assert pause(scene, relay="main")
    assert resume(scene, relay="main")
    (row,) = scene.database.read(lambda connection: connection.execute(select(gate)).all())
    assert (row.pipelining, row.fault, row.paused_at, row.paused_by) == ("off", "it is down", None, None)


def test_a_rollback_undoes_a_pause(scene: Scene) -> None:
    with scene.application.connect() as connection:
        assert outbox.pause(connection)
        connection.rollback()
    assert paused(scene) == []


def test_of_two_who_pause_at_once_one_did(scene: Scene, rival: Scene) -> None:
    done: list[bool] = []
    at_once(lambda: done.append(pause(scene, who="ann")), lambda: done.append(pause(rival, who="bob")))
    assert sorted(done) == [False, True]
    assert len(paused(scene)) == 1


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ({"stream": "bulk", "relay": "main"}, "^stream: is given beside a relay: 'bulk'"),
        ({"relay": ""}, "^relay: is not 1 to 64 characters long: "),
        ({"relay": "x" * 65}, "^relay: is not 1 to 64 characters long: "),
        ({"who": "x" * 129}, "^who: is not 1 to 128 characters long: "),
        ({"why": "\0"}, "^why: has a NUL character: "),
    ],
)
def test_what_cannot_be_paused_is_told(scene: Scene, what: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidRequestError, match=told):
        pause(scene, **what)
    assert paused(scene) == []


def test_a_stream_that_no_mail_can_have_is_not_paused(scene: Scene) -> None:
    with pytest.raises(InvalidEmailError, match=r"^stream: is no name of a stream"):
        pause(scene, stream="a b")


def test_an_address_is_suppressed_however_it_is_written_until_it_is_not(scene: Scene) -> None:
    with scene.application.begin() as connection:
        assert outbox.suppress(connection, "Ann <Ann@Example.org>", "she asked", "bob") is True
        assert outbox.suppress(connection, "ann@example.org", "it bounces") is False
        (one,) = outbox.suppressions(connection)
        assert (one.address, one.why, one.who) == ("ann@example.org", "it bounces", "application")
        assert outbox.unsuppress(connection, "ANN@example.org") is True
        assert outbox.unsuppress(connection, "ANN@example.org") is False
        assert outbox.suppressions(connection) == []


def test_a_suppression_without_a_reason_is_refused(scene: Scene) -> None:
    with (
        scene.application.connect() as connection,
        pytest.raises(InvalidRequestError, match=r"^why: says nothing: ' '\. Say why "),
    ):
        outbox.suppress(connection, "ann@example.org", " ")


@pytest.mark.parametrize("verb", [outbox.unsuppress, lambda tx, address: outbox.suppress(tx, address, "why")])
def test_what_is_no_address_is_not_suppressed(scene: Scene, verb: Any) -> None:
    with scene.application.begin() as connection, pytest.raises(InvalidEmailError, match=r"^address: "):
        verb(connection, "ann")


@pytest.mark.parametrize("ending", ["commit", "rollback"])
@pytest.mark.parametrize("shared_url", ["postgresql", "mysql"], indirect=True)
def test_an_address_that_another_suppresses_now_is_waited_for(
    scene: Scene, rival: Scene, ending: str
) -> None:
    begins = threading.Event()
    event.listen(rival.application, "before_cursor_execute", lambda *_: begins.set())

    def suppress() -> None:
        with rival.application.begin() as connection:
            outbox.suppress(connection, "ann@example.org", "it bounces", "bob")

    with scene.application.connect() as connection:
        outbox.suppress(connection, "ann@example.org", "she asked", "ann")

        def end() -> None:
            # Whether the other has come to wait by now or not, the outcome is the same.
            assert begins.wait(30)
            getattr(connection, ending)()

        at_once(suppress, end)
    assert [(each.why, each.who) for each in scene.database.read(outbox.suppressions)] == [
        ("it bounces", "bob")
    ]
