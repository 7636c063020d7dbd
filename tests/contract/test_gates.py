"""What one daemon learns of a relay, all know for a day; nothing careful is lost, on any database."""

from typing import Any

import pytest
from sqlalchemy import Row, select, update
from sqlalchemy.exc import DBAPIError

from outbox.delivery.relay import Pipelining
from outbox.store.clock import seconds_since
from outbox.store.gates import FORGOTTEN_AFTER, Gates, Learnt
from outbox.store.schema import gate
from tests.contract.crowd import at_once
from tests.contract.scene import Scene, ago


@pytest.fixture
def gates(scene: Scene) -> Gates:
    return Gates(scene.database)


def rows(scene: Scene) -> list[Row[Any]]:
    wanted = select(gate, seconds_since(gate.c.learnt_at).label("age"))
    return list(scene.database.read(lambda connection: connection.execute(wanted).all()))


def set_row(scene: Scene, **values: Any) -> None:
    with scene.admin.begin() as connection:
        connection.execute(update(gate).values(values))


def test_nothing_is_known_of_a_relay_that_nobody_has_met(scene: Scene, gates: Gates) -> None:
    assert gates.learnt("main") == Learnt(pipelining=None, data_apart=False, recipients=None)
    assert rows(scene) == []


def test_a_gate_that_was_made_for_something_else_says_nothing_of_the_relay(
    scene: Scene, gates: Gates
) -> None:
    gates.learn("main", Learnt("mail", data_apart=True, recipients=7))
    set_row(scene, learnt_at=None)
    assert gates.learnt("main") == Learnt()


@pytest.mark.parametrize("level", [None, "mail", "off"])
@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("most", [None, 1, 2_000_000_000])
def test_what_one_daemon_has_learnt_every_daemon_knows(
    scene: Scene, rival: Scene, level: str | None, most: int | None, *, apart: bool
) -> None:
    learnt = Learnt(level, apart, most)
    Gates(scene.database).learn("main", learnt)
    assert learnt == Gates(rival.database).learnt("main")
    (row,) = rows(scene)
    assert (row.kind, row.name, row.age) == ("relay", "main", pytest.approx(0, abs=30))


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (Learnt("mail"), Learnt("off"), Learnt("off")),
        (Learnt("mail"), Learnt(), Learnt("mail")),
        (Learnt("off"), Learnt(), Learnt("off")),
        (Learnt("off"), Learnt("off"), Learnt("off")),
        (Learnt(data_apart=True), Learnt(), Learnt(data_apart=True)),
        (Learnt(recipients=20), Learnt(recipients=3), Learnt(recipients=3)),
        (Learnt(recipients=20), Learnt(), Learnt(recipients=20)),
        (Learnt("mail", data_apart=True), Learnt("off", recipients=5), Learnt("off", True, 5)),  # noqa: FBT003 - as short as the row
    ],
)
def test_the_more_careful_of_both_is_kept_whichever_came_first(
    gates: Gates, one: Learnt, other: Learnt, both: Learnt
) -> None:
    for name, order in (("there", (one, other)), ("back", (other, one))):
        for learnt in order:
            gates.learn(name, learnt)
        assert both == gates.learnt(name)


def test_the_settings_own_word_for_a_level_is_understood(gates: Gates) -> None:
    gates.learn("main", Learnt(Pipelining.OFF))
    assert gates.learnt("main") == Learnt("off")


def test_a_level_that_nobody_was_downgraded_to_is_refused(scene: Scene, gates: Gates) -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        gates.learn("main", Learnt("auto"))
    assert rows(scene) == []


def test_what_was_learnt_is_forgotten_a_day_later(scene: Scene, gates: Gates) -> None:
    learnt = Learnt("off", data_apart=True, recipients=5)
    gates.learn("main", learnt)
    set_row(scene, learnt_at=ago(FORGOTTEN_AFTER - 60))
    assert learnt == gates.learnt("main")
    set_row(scene, learnt_at=ago(FORGOTTEN_AFTER))
    assert gates.learnt("main") == Learnt()


def test_what_is_forgotten_does_not_come_back_with_what_is_learnt_anew(scene: Scene, gates: Gates) -> None:
    gates.learn("main", Learnt("off", data_apart=True, recipients=5))
    set_row(scene, learnt_at=ago(FORGOTTEN_AFTER))
    gates.learn("main", Learnt("mail", recipients=30))
    assert gates.learnt("main") == Learnt("mail", recipients=30)


def test_a_relay_that_chokes_again_is_remembered_for_another_day(scene: Scene, gates: Gates) -> None:
    gates.learn("main", Learnt("off", recipients=5))
    set_row(scene, learnt_at=ago(FORGOTTEN_AFTER - 60))
    gates.learn("main", Learnt("mail"))
    (row,) = rows(scene)
    assert row.age == pytest.approx(0, abs=30)
    assert gates.learnt("main") == Learnt("off", recipients=5)


def test_names_that_are_not_the_same_bytes_are_not_the_same_relay(scene: Scene, gates: Gates) -> None:
    names = ["main", "Main", "main ", " main", "mäin", "ma\u0308in", "ma\N{LATIN SMALL LETTER DOTLESS I}n"]
    for most, name in enumerate(names, start=1):
        gates.learn(name, Learnt(recipients=most))
    assert [*range(1, 8)] == [gates.learnt(name).recipients for name in names]
    assert sorted(names) == sorted(row.name for row in rows(scene))
    assert gates.learnt("MAIN") == Learnt()


@pytest.mark.parametrize("letter", ["n", "ü", "\N{GRINNING FACE}"])
def test_a_name_of_64_characters_is_kept_and_a_longer_one_refused_whole(
    scene: Scene, gates: Gates, letter: str
) -> None:
    gates.learn(letter * 64, Learnt("mail"))
    words = rf"^relay: the name '{letter}+' has 65 characters. Give the relay one of at most 64\.$"
    with pytest.raises(ValueError, match=words):
        gates.learn(letter * 65, Learnt("off"))
    with pytest.raises(ValueError, match=words):
        gates.learnt(letter * 65)
    assert gates.learnt(letter * 64) == Learnt("mail")
    assert [letter * 64] == [row.name for row in rows(scene)]


def test_daemons_that_learn_at_once_lose_nothing_of_each_other(scene: Scene, rival: Scene) -> None:
    names = [f"relay-{n}" for n in range(25)]
    careful = Learnt("off", data_apart=True, recipients=3)

    def learn(one: Scene, *parts: Learnt) -> None:
        mine = Gates(one.database)
        for name in names:
            for part in parts:
                mine.learn(name, part)

    with scene.another() as third:
        at_once(
            lambda: learn(scene, Learnt("mail"), Learnt(recipients=9)),
            lambda: learn(rival, Learnt(data_apart=True), Learnt("off")),
            lambda: learn(third, Learnt(recipients=3), Learnt()),
        )
    gates = Gates(scene.database)
    assert dict.fromkeys(names, careful) == {name: gates.learnt(name) for name in names}


@pytest.mark.parametrize(
    "values",
    [{"kind": "Relay"}, {"kind": "relay "}, {"kind": ""}, {"pipelining": "auto"}, {"pipelining": "off "}],
)
def test_the_schema_refuses_a_gate_that_nobody_could_have_made(
    scene: Scene, gates: Gates, values: dict[str, str]
) -> None:
    gates.learn("main", Learnt("off"))
    with pytest.raises(DBAPIError, match=r"(?i)constraint"):
        set_row(scene, **values)
    assert gates.learnt("main") == Learnt("off")


def test_what_keeps_mail_from_a_relay_stands_in_its_row_until_it_works(scene: Scene, gates: Gates) -> None:
    gates.learn("main", Learnt("mail"))
    gates.report("main", "relay main: certificate of mail.example expired on 2026-11-01")
    (row,) = rows(scene)
    assert row.fault == "relay main: certificate of mail.example expired on 2026-11-01"
    assert row.fault_at is not None
    gates.report("main", None)
    (row,) = rows(scene)
    assert (row.fault, row.fault_at, row.pipelining) == (None, None, "mail")


def test_a_fault_of_a_relay_that_nobody_has_met_makes_its_row(scene: Scene, gates: Gates) -> None:
    gates.report("main", "it is away")
    assert gates.learnt("main") == Learnt()
    assert [row.fault for row in rows(scene)] == ["it is away"]


def test_what_is_told_of_one_relay_is_not_said_of_another(scene: Scene, gates: Gates) -> None:
    for name in ("main", "other"):
        gates.learn(name, Learnt("mail"))
    gates.report("main", "it is away")
    gates.learn("other", Learnt("off"))
    assert {row.name: (row.fault, row.pipelining) for row in rows(scene)} == {
        "main": ("it is away", "mail"),
        "other": (None, "off"),
    }
