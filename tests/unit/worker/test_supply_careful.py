"""The sendings of mails that must not go twice are announced together, and each goes once that is written."""

from uuid import UUID

from outbox.mail.status import OnDoubt
from outbox.store.moves import Claim
from outbox.worker.parcel import Parcel
from tests.unit.worker.held import claim, lease, run
from tests.unit.worker.supplied import Scene, mails


def careful(*claims: Claim) -> Scene:
    """Return a scene whose mails must not go twice, loaded."""
    scene = Scene(*claims)
    scene.queue.on_doubt = {each.message_id: OnDoubt.HOLD for each in claims}
    scene.claim(200)
    run(scene.supply.load())
    return scene


def ask(scene: Scene, senders: int) -> list[Parcel]:
    """Let so many senders ask; return what they wait for."""
    for _ in range(senders):
        assert scene.tray.enter(connected=True)
    assert [None] * senders == [scene.tray.take() for _ in range(senders)]
    return scene.tray.wanted


def test_all_that_senders_wait_for_is_announced_by_one_write() -> None:
    scene = careful(*mails(5))
    wanted = ask(scene, 3)
    run(scene.supply.announce(wanted))
    assert scene.queue.announced == [[claim.delivery_id for parcel in wanted for claim in parcel.claims]]
    assert len(wanted) == len([parcel for parcel in wanted if parcel.announced])
    assert set(map(id, wanted)) <= set(map(id, scene.taken()))


def test_of_those_only_what_is_still_held_goes() -> None:
    scene = careful(*mails(3))
    first, second, third = ask(scene, 3)
    scene.queue.lost = {first.claims[0].delivery_id}
    scene.queue.locked = {second.claims[0].delivery_id}
    run(scene.supply.announce([first, second, third]))
    assert len(scene.holdings) == 2
    # What somebody has locked is asked for again.
    assert scene.tray.wanted == [second]
    assert scene.taken() == [third]
    scene.queue.locked.clear()
    run(scene.supply.announce(scene.tray.wanted))
    assert scene.taken() == [second]


def test_a_mail_of_which_one_recipient_is_lost_is_dropped_and_the_others_are_given_back() -> None:
    scene = careful(*(claim(n, n=n) for n in (1, 2, 3)))
    wanted = ask(scene, 1)
    scene.queue.lost = {2}
    run(scene.supply.announce(wanted))
    assert (scene.taken(), len(scene.holdings)) == ([], 0)
    assert scene.holdings.must_sweep(1.0)


def test_one_statement_names_a_hundred_recipients_at_most_and_those_of_one_lease() -> None:
    scene = careful(*(claim(n, message_id=UUID(int=1 + n // 45), n=n) for n in range(135)))
    wanted = ask(scene, 3)
    assert [len(parcel.claims) for parcel in wanted] == [45, 45, 45]
    wanted[1].lease = lease()
    for _ in range(2):
        run(scene.supply.announce(scene.tray.wanted))
    assert [len(ids) for ids in scene.queue.announced] == [90, 45]
    scene = careful(*(claim(n, message_id=UUID(int=1 + n // 45), n=n) for n in range(135)))
    ask(scene, 3)
    for _ in range(2):
        run(scene.supply.announce(scene.tray.wanted))
    assert [len(ids) for ids in scene.queue.announced] == [90, 45]
