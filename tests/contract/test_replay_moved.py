"""Where another server has the database all read their journals, also those who miss nothing."""

from pathlib import Path

import pytest
from sqlalchemy import update

from outbox.store.history import History, restored, unanswered
from outbox.store.schema import meta
from tests.contract.host import Host, prepared, statuses
from tests.contract.scene import Scene

# No other database tells that another server has it.
pytestmark = pytest.mark.parametrize("shared_url", ["postgresql"], indirect=True)


@pytest.fixture
def host(scene: Scene, tmp_path: Path) -> Host:
    return prepared(scene, tmp_path)


def move(scene: Scene) -> None:
    """Let another server have had the database until now."""
    with scene.admin.begin() as connection:
        connection.execute(update(meta).values(timeline=0))


def test_fault_31_who_has_lost_nothing_waits_all_the_same_for_those_who_may_have(
    scene: Scene, host: Host
) -> None:
    me, claims = host.has_sent(2)
    other = scene.start()
    for each in (me, other):
        History(scene.database).answer(each, host.replay.answered)
    assert not host.look(me)
    move(scene)
    assert host.look(me)
    # Those of this host are read, and the other daemon has yet to look.
    assert scene.database.read(unanswered) == ("host",)
    History(scene.database).answer(other, host.replay.answered)
    assert scene.database.read(unanswered) == ()
    assert scene.database.read(restored) is None
    assert not host.look(me)
    assert statuses(scene) == ["sent"] * len(claims)


@pytest.mark.parametrize("keeps", [True, False])
def test_fault_31_who_begins_on_another_server_waits_for_those_who_were_there(
    scene: Scene,
    host: Host,
    keeps: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    there = scene.start()
    History(scene.database).answer(there, History(scene.database).now().epoch)
    assert scene.database.read(unanswered) == ()
    move(scene)
    host.replay.begin(host.journal.folder if keeps else None)
    assert scene.database.read(unanswered) == ("host",)
    # What begins with this epoch has nothing to read any more.
    assert host.replay.answered == History(scene.database).now().epoch
