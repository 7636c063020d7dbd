"""Where settings tell the relays of a stream, `why` tells by which one a mail goes now, and why."""

from functools import partial
from typing import Any

import outbox
from outbox import Waits, Why
from outbox.mail.route import Routes
from outbox.mail.stream import Stream, Streams
from outbox.store.breakers import Breakers
from outbox.store.waiting import reasons
from tests.contract.scene import Scene

STREAMS = Streams({"default": Stream(("main", "backup"))})


def why(scene: Scene, id_: int) -> Why:
    """Ask with the settings of a daemon that has both relays."""

    def routed(down: Any) -> Routes:
        return Routes(STREAMS, ("main", "backup"), (), lambda relay: relay in down)

    (told,) = scene.database.read(partial(reasons, message=scene.row(id_).message_id, routed=routed))
    return told


def waiting(scene: Scene, *down: str, **values: Any) -> int:
    """Queue a mail while a daemon runs and these relays are down; return its delivery."""
    scene.start()
    for relay in down:
        assert Breakers(scene.database).open(relay, 60.0, seen=0)
    (id_,) = scene.mail()
    if values:
        scene.change(id_, **values)
    return id_


def test_mail_goes_by_the_first_relay(scene: Scene) -> None:
    told = why(scene, waiting(scene, relay="backup"))
    assert (told.waits_for, told.relay) == (Waits.IN_TURN, "main")
    assert "by the relay 'main', with 0 ahead" in told.says


def test_while_that_is_down_it_goes_by_the_next_one_and_since_when_is_told(scene: Scene) -> None:
    told = why(scene, waiting(scene, "main", relay="main"))
    assert (told.waits_for, told.relay, told.until) == (Waits.IN_TURN, "backup", None)
    assert "by the relay 'backup', as the relay 'main' is down since 2" in told.says


def test_while_both_are_down_both_are_told(scene: Scene) -> None:
    told = why(scene, waiting(scene, "main", "backup"))
    assert (told.waits_for, told.relay, told.until is not None) == (Waits.RELAY_FAULT, None, True)
    assert told.says.index("the relay 'main' is down") < told.says.index("the relay 'backup' is down")


def test_mail_that_a_relay_may_have_waits_for_that_one(scene: Scene) -> None:
    told = why(scene, waiting(scene, "main", relay="main", doubts=1))
    assert (told.waits_for, told.relay) == (Waits.RELAY_FAULT, None)
    assert "backup" not in told.says


def test_a_pause_keeps_the_mail_of_the_relay_by_which_it_goes_and_no_other(scene: Scene) -> None:
    id_ = waiting(scene, "main")
    with scene.application.begin() as connection:
        outbox.pause(connection, relay="main")
    assert why(scene, id_).waits_for is Waits.IN_TURN
    assert Breakers(scene.database).open("backup", 60.0, seen=0)
    told = why(scene, id_)
    assert (told.waits_for, "the relay 'main'" in told.says) == (Waits.RELAY_FAULT, False)
    with scene.application.begin() as connection:
        outbox.pause(connection, relay="backup")
    assert why(scene, id_).waits_for is Waits.PAUSED


def test_without_settings_nobody_claims_to_know_the_way(scene: Scene) -> None:
    id_ = waiting(scene, "main")
    (told,) = scene.database.read(lambda connection: outbox.why(connection, scene.row(id_).message_id))
    assert (told.waits_for, told.relay) == (Waits.RELAY_FAULT, None)
    assert told.says.endswith("if its stream names another relay, that one takes it: outbox why ID tells")
