"""A list of mail has what was asked for and no other, newest first, and its pages leave nothing out."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from outbox import Outbox
from outbox.mail.criteria import Criteria
from outbox.mail.status import FINAL, Status
from outbox.store import pages
from outbox.store.pages import Page
from outbox.store.schema import message
from tests.contract.scene import Scene, in_state

ANN, BOB = "ann@example.org", "bob@example.org"
START = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def ticking(scene: Scene) -> None:
    """Let each mail come an hour after the one before it, so that its id is greater, too."""
    hours = iter(range(1_000_000))
    scene.outbox = Outbox(sender="shop@example.org", clock=lambda: START + timedelta(hours=next(hours)))


@pytest.fixture(params=["sorted", "looked through"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Find by the index of a recipient or a status, or as where that has too many rows."""
    if request.param == "looked through":
        monkeypatch.setattr(pages, "SORTED", 0)
    return str(request.param)


def sent(scene: Scene, *statuses: Status | str, **fields: Any) -> UUID:
    """Enqueue a mail whose deliveries stand so, and return its id."""
    to = [ANN, BOB, "carl@example.org"][: len(statuses)]
    ids = scene.mail(**{"to": to} | fields)
    for id_, status in zip(ids, statuses, strict=True):
        scene.change(id_, **in_state(str(status)))
    return UUID(str(scene.row(ids[0]).message_id))


def found(scene: Scene, after: UUID | None = None, limit: int = 100, **criteria: Any) -> Page:
    wanted = Criteria(**criteria)
    return scene.database.read(lambda one: pages.page(one, wanted, after=after, limit=limit))


def test_all_mail_is_listed_newest_first_page_by_page(scene: Scene) -> None:
    ids = [sent(scene, "pending") for _ in range(5)][::-1]
    assert found(scene) == Page(ids, None)
    assert found(scene, limit=2) == Page(ids[:2], ids[1])
    assert found(scene, after=ids[1], limit=2) == Page(ids[2:4], ids[3])
    assert found(scene, after=ids[3], limit=2) == Page(ids[4:], None)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("status", Status)
def test_a_status_finds_the_mail_of_which_a_recipient_stands_so(scene: Scene, status: Status) -> None:
    other = "pending" if status != "pending" else "sent"
    for each in Status:
        sent(scene, each if each != status else other)
    both = sent(scene, status, status)
    one = sent(scene, other, status)
    assert found(scene, status=status) == Page([one, both], None)
    assert found(scene, status=status, limit=1).ids == [one]
    assert found(scene, status=status, limit=1, after=one) == Page([both], None)


@pytest.mark.usefixtures("way")
def test_a_recipient_is_found_in_each_spelling_that_is_asked_for(scene: Scene) -> None:
    mixed = sent(scene, "sent", to="Ann@example.org")
    lower = sent(scene, "pending")
    sent(scene, "sent", to=BOB)
    assert found(scene, recipients=(ANN,)).ids == [lower]
    assert found(scene, recipients=("Ann@example.org", ANN)).ids == [lower, mixed]
    assert found(scene, recipients=("eve@example.org",)) == Page([], None)


@pytest.mark.usefixtures("way")
def test_a_recipient_and_a_status_are_of_the_same_delivery(scene: Scene) -> None:
    hers = sent(scene, "failed", "sent")
    sent(scene, "sent", "failed")
    assert found(scene, recipients=(ANN,), status=Status.FAILED).ids == [hers]


@pytest.mark.usefixtures("way")
def test_each_criterion_narrows_the_others(scene: Scene) -> None:
    fields = {"stream": "bulk", "tags": {"order": 7}, "subject": "Your Order", "to": ANN}
    right = sent(scene, "failed", **fields)
    for wrong in (
        {"stream": "default"},
        {"tags": {"order": 70}},
        {"tags": {"other": 7}},
        {"subject": "Your tea"},
        {"to": BOB},
    ):
        sent(scene, "failed", **fields | wrong)
    sent(scene, "sent", **fields)
    criteria: dict[str, Any] = {
        "stream": "bulk",
        "tag": ("order", "7"),
        "text": "order",
        "recipients": (ANN,),
        "status": Status.FAILED,
        "since": START,
        "until": START + timedelta(hours=1),
    }
    assert found(scene, **criteria).ids == [right]
    for name in ("stream", "tag", "text", "recipients"):
        fewer = {key: value for key, value in criteria.items() if key not in {name, "until"}}
        assert right in found(scene, **fewer).ids
        assert len(found(scene, **fewer).ids) > 1, name


def test_a_time_is_that_of_the_id_and_the_end_of_it_is_left_out(scene: Scene) -> None:
    ids = [sent(scene, "pending") for _ in range(4)]
    with scene.admin.begin() as connection:
        connection.execute(update(message).values(created_at=START - timedelta(days=9)))
    hours = [START + timedelta(hours=n) for n in range(4)]
    assert found(scene, since=hours[1], until=hours[3]).ids == [ids[2], ids[1]]
    assert found(scene, since=START - timedelta(days=40_000)).ids == ids[::-1]


@pytest.mark.parametrize(
    ("text", "subjects"),
    [("TEA", ["tea", "Tea"]), ("100%", ["100% wool"]), ("a_b", ["a_b"]), ("\\", ["back\\slash"])],
)
def test_words_are_found_in_any_case_and_as_they_stand(scene: Scene, text: str, subjects: list[str]) -> None:
    for subject in ("Tea", "tea", "100 wool", "100% wool", "a_b", "axb", "back\\slash"):
        sent(scene, "sent", subject=subject)
    assert [scene.message(id_).subject for id_ in found(scene, text=text).ids] == subjects


@pytest.mark.parametrize("criteria", [{"stream": "bulk"}, {"tag": ("order", "7"), "stream": "bulk"}])
def test_a_look_through_ends_and_says_where_the_next_goes_on(
    scene: Scene, criteria: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "LOOKED_THROUGH", 3)
    rare = [sent(scene, "sent", stream="bulk", tags={"order": 7}) for _ in range(2)][::-1]
    for _ in range(7):
        sent(scene, "sent", tags={"order": 7})
    seen: list[UUID] = []
    after, looks = None, 0
    while True:
        page = found(scene, after=after, limit=1, **criteria)
        seen += page.ids
        looks += 1
        if page.after is None:
            break
        assert page.is_cut or page.ids
        after = page.after
    assert (seen, looks) == (rare, 4)


@pytest.mark.parametrize("status", sorted(FINAL))
def test_the_look_for_what_has_ended_begins_where_the_last_of_it_ended(
    scene: Scene, status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All that has failed did so in one bad week, and thousands were sent since.
    monkeypatch.setattr(pages, "SORTED", 1)
    monkeypatch.setattr(pages, "LOOKED_THROUGH", 30)
    old = [sent(scene, status) for _ in range(2)][::-1]
    for row in scene.rows():
        scene.change(row.id, finished_at=START + timedelta(hours=1))
    other = "sent" if status != "sent" else "failed"
    for id_ in scene.mail(60, to=BOB):
        scene.change(id_, **in_state(other))
    assert found(scene, status=status).ids == old
    assert found(scene, recipients=(ANN,)).ids == old
    # Of whom some wait nobody knows where the last one ends: it is looked for from the newest on.
    new = sent(scene, "pending")
    assert found(scene, recipients=(ANN,)).ids == [new]
