"""One key is one mail: on every database, in every batch, and between transactions at once."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from outbox import KeyConflictError
from outbox.store.schema import delivery, message
from tests.contract.crowd import at_once
from tests.contract.scene import Scene, in_state

FIELDS: dict[str, Any] = {"to": "ann@example.org", "subject": "Hello", "text": "Hello."}
OTHER: dict[str, Any] = FIELDS | {"text": "Something else."}


def put(scene: Scene, *mails: dict[str, Any]) -> list[UUID]:
    with scene.application.begin() as connection:
        return scene.outbox.enqueue_many(connection, mails)  # type: ignore[arg-type]


def keys(scene: Scene) -> list[str | None]:
    wanted = select(message.c.idempotency_key).order_by(message.c.idempotency_key)
    return list(scene.database.read(lambda connection: connection.execute(wanted).scalars()))


def test_the_same_mail_under_the_same_key_is_enqueued_once(scene: Scene) -> None:
    (first,) = put(scene, FIELDS | {"key": "a"})
    (second,) = put(scene, FIELDS | {"key": "a"})
    assert first == second
    assert (scene.count(message), scene.count(delivery)) == (1, 1)


def test_the_first_mail_stands_also_within_one_transaction(scene: Scene) -> None:
    with Session(scene.application) as session, session.begin():
        first = scene.outbox.enqueue(session, **FIELDS, key="a")
        assert first == scene.outbox.enqueue(session, **FIELDS, key="a")
    assert (scene.count(message), scene.count(delivery)) == (1, 1)


def test_options_are_no_payload_and_the_first_ones_stay(scene: Scene) -> None:
    (first,) = put(scene, FIELDS | {"key": "a", "tags": {"n": 1}})
    assert [first] == put(scene, FIELDS | {"key": "a", "tags": {"n": 2}, "on_doubt": "hold"})
    tags = select(message.c.tags, message.c.on_doubt)
    assert scene.database.read(lambda connection: connection.execute(tags).all()) == [({"n": 1}, "resend")]


def test_another_mail_under_the_same_key_is_an_error_that_names_both_and_inserts_nothing(
    scene: Scene,
) -> None:
    (first,) = put(scene, FIELDS | {"key": "a"})
    with scene.application.begin() as connection:
        with pytest.raises(KeyConflictError, match=rf"^key: 'a' already belongs to message {first}"):
            scene.outbox.enqueue(connection, **OTHER, key="a")
        # The application's own transaction goes on.
        scene.outbox.enqueue(connection, **FIELDS)
    assert (scene.count(message), scene.count(delivery)) == (2, 2)


@pytest.mark.parametrize(
    "batch",
    [
        [FIELDS, OTHER | {"key": "a"}],
        [FIELDS | {"key": "b"}, OTHER | {"key": "a"}, FIELDS | {"key": "c"}],
        [OTHER | {"key": "a"}, FIELDS | {"key": "b"}],
        [FIELDS | {"key": "b"}, OTHER | {"key": "b"}],
    ],
)
def test_a_conflict_in_a_batch_leaves_none_of_it_though_the_caller_goes_on_and_commits(
    scene: Scene, batch: list[Any]
) -> None:
    put(scene, FIELDS | {"key": "a"})
    with scene.application.begin() as connection:
        before = scene.outbox.enqueue(connection, **FIELDS, key="before")
        with pytest.raises(KeyConflictError):
            scene.outbox.enqueue_many(connection, batch)
        after = scene.outbox.enqueue(connection, **FIELDS, key="after")
    assert keys(scene) == ["a", "after", "before"]
    assert [before, after] == [row.message_id for row in scene.rows()][1:]


def test_a_conflict_in_the_first_batch_of_a_session_leaves_none_of_it(scene: Scene) -> None:
    put(scene, FIELDS | {"key": "a"})
    with Session(scene.application) as session:
        with pytest.raises(KeyConflictError):
            scene.outbox.enqueue_many(session, [FIELDS, OTHER | {"key": "a"}])  # type: ignore[list-item]
        session.commit()
    assert keys(scene) == ["a"]


def test_a_rollback_takes_back_what_a_batch_with_keys_put_in(scene: Scene) -> None:
    with scene.application.connect() as connection:
        scene.outbox.enqueue_many(connection, [FIELDS | {"key": "a"}, FIELDS | {"key": "b"}])  # type: ignore[list-item]
        connection.rollback()
    assert keys(scene) == []


def test_a_batch_knows_the_keys_of_before_and_its_own(scene: Scene) -> None:
    (first,) = put(scene, FIELDS | {"key": "a"})
    ids = put(scene, FIELDS | {"key": "b"}, FIELDS | {"key": "a"}, FIELDS, FIELDS | {"key": "b"})
    assert ids[1] == first
    assert ids[0] == ids[3]
    assert len({*ids}) == 3
    assert (scene.count(message), scene.count(delivery)) == (3, 3)


def test_a_batch_may_have_more_keys_than_a_statement_has_parameters(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outbox.store.insert._KEYS", 3)
    batch = [FIELDS | {"key": f"k{n}"} for n in range(7)]
    ids = put(scene, *batch[::2])
    assert ids == put(scene, *batch)[::2]
    assert scene.count() == 7


def test_keys_are_compared_byte_by_byte(scene: Scene) -> None:
    near = ["key", "Key", "KEY", "key ", " key", "kéy", "ke\u0301y", "straße", "strasse"]
    ids = put(scene, *[FIELDS | {"key": key} for key in near])
    assert len(near) == len({*ids})
    assert sorted(near) == sorted(key for key in keys(scene) if key is not None)
    assert ids == put(scene, *[FIELDS | {"key": key} for key in near])


@pytest.mark.parametrize("key", ["x" * 200, "ü" * 100, "🎉" * 50, "'; --\\ \"%s"])
def test_a_key_of_up_to_200_bytes_is_kept_whole(scene: Scene, key: str) -> None:
    assert put(scene, FIELDS | {"key": key}) == put(scene, FIELDS | {"key": key})
    assert [key] == keys(scene)


@pytest.mark.parametrize("key", ["x" * 201, "ü" * 101, ""])
def test_a_key_of_another_size_is_refused(scene: Scene, key: str) -> None:
    with pytest.raises(ValueError, match=r"^key: is not 1 to 200 bytes"):
        put(scene, FIELDS | {"key": key})
    assert keys(scene) == []


def test_of_two_transactions_at_once_with_one_key_exactly_one_inserts(scene: Scene, rival: Scene) -> None:
    for round_ in range(10):
        ids: list[UUID] = []
        at_once(
            lambda: ids.extend(put(scene, FIELDS | {"key": f"a{round_}"})),  # noqa: B023 - run within the round
            lambda: ids.extend(put(rival, FIELDS | {"key": f"a{round_}"})),  # noqa: B023 - run within the round
        )
        assert len(ids) == 2
        assert len({*ids}) == 1
    assert (scene.count(message), scene.count(delivery)) == (10, 10)


def test_of_two_batches_at_once_with_the_same_keys_one_inserts_each(scene: Scene, rival: Scene) -> None:
    batch = [FIELDS | {"key": f"k{n}"} for n in range(20)]
    ids: list[list[UUID]] = []
    at_once(
        lambda: ids.append(put(scene, *batch)),
        lambda: ids.append(put(rival, *batch)),
    )
    assert ids[0] == ids[1]
    assert (scene.count(message), scene.count(delivery)) == (20, 20)


def test_fault_89_a_hundred_submissions_at_once_and_one_long_after_make_one_mail(
    scene: Scene, rival: Scene
) -> None:
    ids: list[UUID] = []

    def submit(page: Scene) -> None:
        for _ in range(10):
            ids.extend(put(page, FIELDS | {"key": "order-7"}))

    with scene.another() as third, rival.another() as fourth:
        at_once(
            *(lambda page=page: submit(page) for page in (scene, rival, third, fourth, *[scene, rival] * 3))
        )
    scene.change([row.id for row in scene.rows()], **in_state("sent"))
    ids.extend(put(scene, FIELDS | {"key": "order-7"}))
    assert (len(ids), len({*ids})) == (101, 1)
    assert (scene.count(message), scene.count(delivery)) == (1, 1)


@pytest.mark.parametrize("shared_url", ["postgresql", "mysql"], indirect=True)
@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_a_key_in_an_open_transaction_is_waited_for(scene: Scene, rival: Scene, ending: str) -> None:
    ids: list[UUID] = []
    with scene.application.connect() as connection:
        first = scene.outbox.enqueue(connection, **FIELDS, key="a")

        def end() -> None:
            # Whether the other has come to wait by now or not, the outcome is the same.
            getattr(connection, ending)()

        at_once(lambda: ids.extend(put(rival, FIELDS | {"key": "a"})), end)
    assert (ids == [first]) == (ending == "commit")
    assert (scene.count(message), scene.count(delivery)) == (1, 1)


def test_a_key_taken_after_the_snapshot_of_a_transaction_is_still_seen(scene: Scene, rival: Scene) -> None:
    if scene.is_sqlite:
        # A prepared connection writes from its first statement on: nobody can come in between.
        assert put(scene, FIELDS | {"key": "a"}) == put(rival, FIELDS | {"key": "a"})
        return
    with scene.application.connect() as connection:
        connection.execute(text("SELECT count(*) FROM outbox_message")).all()
        (first,) = put(rival, FIELDS | {"key": "a"})
        assert first == scene.outbox.enqueue(connection, **FIELDS, key="a")
        with pytest.raises(KeyConflictError):
            scene.outbox.enqueue(connection, **OTHER, key="a")
        connection.commit()
    assert (scene.count(message), scene.count(delivery)) == (1, 1)
