"""What the journal of a killed daemon says is settled in each database, once; and what it does not say."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from outbox.mail.diversion import Diversion
from outbox.mail.status import Lane, Move, OnDoubt, Wish
from outbox.mail.verdict import Answer, Deferred, Rejected, Sent, Untouched, Verdict
from outbox.store.moves import Claim
from outbox.store.schema import SessionState, delivery
from tests.contract.past import Past
from tests.contract.scene import Scene, ago

SENT = Sent(Answer(250, "2.0.0", "Ok: queued as 4X"), "4X")

Killed = Callable[..., tuple[Past, list[Claim]]]


@pytest.fixture
def killed(scene: Scene, tmp_path: Path) -> Killed:
    """Give a way to make a daemon that has claimed so many mails, and will be killed."""

    def made(count: int = 1, **fields: object) -> tuple[Past, list[Claim]]:
        me, claims = scene.held(count, **fields)
        return Past(scene, tmp_path, me), claims

    return made


def test_a_known_success_becomes_the_verdict(scene: Scene, killed: Killed) -> None:
    past, (claim,) = killed()
    past.answered(claim, SENT)
    assert past.settled() == []
    row = scene.row(claim.delivery_id)
    assert (*(row.status, row.relay, row.reply_code, row.enhanced_code, row.reply, row.queue_id),) == (
        "sent",
        "before",
        250,
        "2.0.0",
        "",
        "4X",
    )
    assert (row.attempts, row.doubts, row.rescues, row.session) == (1, 0, 0, None)
    (attempt,) = scene.attempts()
    assert (attempt.verdict, attempt.session, attempt.late) == ("deliver", past.holder, False)
    assert "known by the journal" in attempt.detail
    assert past.state_of_session() == SessionState.LOST
    assert past.files() == ["00000001.done"]


@pytest.mark.parametrize(
    ("verdict", "status", "code", "attempts"),
    [
        (Rejected("RCPT TO", "no", Answer(550, "5.1.1", "no")), "failed", 550, 1),
        (Deferred("end of data", "later", Answer(451, None, "later")), "pending", 451, 1),
        (Untouched("cut"), "pending", None, 0),
    ],
)
def test_any_other_known_end_becomes_the_verdict(
    scene: Scene, killed: Killed, verdict: Verdict, status: str, code: int | None, attempts: int
) -> None:
    past, (claim,) = killed()
    past.answered(claim, verdict)
    assert past.settled() == []
    row = scene.row(claim.delivery_id)
    assert (status, code, attempts, 0) == (row.status, row.reply_code, row.attempts, row.rescues)


@pytest.mark.parametrize(
    ("on_doubt", "status", "move"),
    [
        (OnDoubt.RESEND, "pending", Move.DOUBT_RESEND),
        (OnDoubt.HOLD, "in_doubt", Move.DOUBT_HOLD),
        (OnDoubt.ASSUME_SENT, "sent", Move.DOUBT_ASSUME),
    ],
)
def test_a_dot_without_an_answer_goes_where_its_mail_says(
    scene: Scene, killed: Killed, on_doubt: OnDoubt, status: str, move: Move
) -> None:
    past, (claim,) = killed(on_doubt=on_doubt)
    past.dotted(claim)
    assert past.settled() == []
    row = scene.row(claim.delivery_id)
    assert (status, 1, 0) == (row.status, row.doubts, row.rescues)
    assert [move] == [attempt.verdict for attempt in scene.attempts()]


def test_what_no_sender_had_in_hand_goes_back_as_if_it_had_not_been_claimed(
    scene: Scene, killed: Killed
) -> None:
    past, (_, begun, dotted) = killed(3)
    past.begun(begun)
    past.dotted(dotted)
    before = scene.rows()[0]._asdict()
    assert past.settled() == []
    assert before | {"status": "pending", "session": None} == scene.rows()[0]._asdict()
    assert {begun.delivery_id, dotted.delivery_id} == {each.delivery_id for each in scene.attempts()}


@pytest.mark.parametrize("on_doubt", OnDoubt)
def test_what_one_had_in_hand_goes_alone_and_is_neither_counted_nor_in_doubt(
    scene: Scene, killed: Killed, on_doubt: OnDoubt
) -> None:
    past, (claim,) = killed(on_doubt=on_doubt)
    past.begun(claim)
    before = scene.row(claim.delivery_id)._asdict()
    assert past.settled() == []
    changed = {"status": "pending", "session": None, "lane": Lane.ALONE}
    assert before | changed == scene.row(claim.delivery_id)._asdict()
    (attempt,) = scene.attempts()
    assert (attempt.verdict, attempt.fence, attempt.session) == ("rescue_unbegun", claim.fence, past.holder)


@pytest.mark.parametrize(("wish", "status"), [(Wish.CANCEL, "cancelled"), (Wish.HOLD, "held")])
def test_a_wish_is_granted_where_no_dot_went_out(
    scene: Scene, killed: Killed, wish: Wish, status: str
) -> None:
    past, (waiting, begun) = killed(2)
    scene.change([waiting.delivery_id, begun.delivery_id], wish=wish)
    past.begun(begun)
    assert past.settled() == []
    assert [(status, "person", wish is Wish.CANCEL)] * 2 == [
        (row.status, row.reason, row.finished_at is not None) for row in scene.rows()
    ]


def test_a_crash_of_a_mail_that_went_alone_is_counted(scene: Scene, tmp_path: Path) -> None:
    (id_,) = scene.mail()
    scene.change(id_, lane=int(Lane.ALONE), rescues=1)
    me = scene.start()
    (claim,) = scene.queue.claim(me, 1)
    assert scene.queue.announce(me, [claim]) == {id_: True}
    past = Past(scene, tmp_path, me)
    past.begun(claim)
    assert past.settled() == []
    row = scene.row(id_)
    assert (row.status, row.rescues, row.lane) == ("pending", 2, Lane.ALONE)


def test_a_success_wins_over_a_rescue_and_a_claim_since(scene: Scene, killed: Killed) -> None:
    past, claims = killed(2)
    for claim in claims:
        past.answered(claim, SENT)
    scene.change(claims[0].delivery_id, status="pending", session=None)
    scene.change(claims[1].delivery_id, session=scene.start(), fence=claims[1].fence + 1)
    assert past.settled() == []
    assert [(row.status, row.doubts) for row in scene.rows()] == [("sent", 0), ("sent", 1)]
    assert [attempt.late for attempt in scene.attempts()] == [True, True]


def test_that_another_has_sent_it_too_is_written_down(scene: Scene, killed: Killed) -> None:
    past, (claim,) = killed()
    past.answered(claim, SENT)
    scene.change(
        claim.delivery_id,
        status="sent",
        session=None,
        fence=claim.fence + 1,
        finished_at=ago(1),
        queue_id="2ND",
    )
    assert past.settled() == []
    assert scene.row(claim.delivery_id).queue_id == "2ND"
    assert [("deliver", claim.fence, True)] == [
        (attempt.verdict, attempt.fence, attempt.late) for attempt in scene.attempts()
    ]


@pytest.mark.parametrize("verdict", [None, Rejected("RCPT TO", "", Answer(550, None, ""))])
def test_nothing_else_is_said_of_what_another_has_taken_over(
    scene: Scene, killed: Killed, verdict: Verdict | None
) -> None:
    past, (claim,) = killed()
    if verdict is None:
        past.dotted(claim)
    else:
        past.answered(claim, verdict)
    scene.change(claim.delivery_id, status="pending", session=None)
    before = scene.row(claim.delivery_id)
    assert past.settled() == []
    assert before == scene.row(claim.delivery_id)
    assert scene.attempts() == []


def test_what_was_recorded_before_the_end_is_not_recorded_again(scene: Scene, killed: Killed) -> None:
    past, (sent, refused) = killed(2)
    past.answered(sent, SENT)
    past.answered(refused, Rejected("RCPT TO", "", Answer(550, None, "no")))
    scene.change(
        sent.delivery_id, status="sent", session=None, finished_at=scene.row(sent.delivery_id).due_at
    )
    scene.change(refused.delivery_id, status="failed", session=None, finished_at=scene.rows()[0].due_at)
    before = scene.rows()
    assert past.settled() == []
    assert before == scene.rows()
    assert scene.attempts() == []


def test_what_has_been_settled_is_not_settled_again(scene: Scene, killed: Killed) -> None:
    past, (claim,) = killed()
    past.dotted(claim)
    assert past.settled() == []
    before = scene.rows(), scene.attempts()
    assert past.started() == []
    assert before == (scene.rows(), scene.attempts())


def test_of_a_mail_that_was_redirected_its_success_says_so(scene: Scene, killed: Killed) -> None:
    past, (claim,) = killed()
    past.answered(claim, SENT)
    assert past.settled(diversion=Diversion("test@example.org", frozenset())) == []
    assert scene.row(claim.delivery_id).reason == "redirected"


def test_what_was_held_on_over_a_reload_is_told_by_the_journal_before(scene: Scene, killed: Killed) -> None:
    past, (claim,) = killed()
    past.answered(claim, Rejected("RCPT TO", "", Answer(550, None, "no")))
    past.killed()
    me, _ = scene.held()
    scene.change(claim.delivery_id, session=me)
    assert Past(scene, past.state, me).settled() == []
    assert [row.status for row in scene.rows()] == ["failed", "pending"]
    assert past.files() == ["00000001.done", "00000002.done"]


def holed(past: Past) -> None:
    """Let lines be missing, as on a full disk."""
    assert past.journal._file is not None
    past.journal._file.rewrite(replace(past.journal._header, whole=False))


def rebooted(past: Past) -> None:
    """Let the host have lost its power since."""
    assert past.journal._file is not None
    past.journal._file.rewrite(replace(past.journal._header, boot=past.journal._header.boot[::-1]))


@pytest.mark.parametrize("spoil", [holed, rebooted])
def test_where_lines_may_be_missing_only_what_is_there_is_believed(
    scene: Scene, killed: Killed, spoil: Callable[[Past], None]
) -> None:
    past, (silent, begun, dotted, answered) = killed(4, on_doubt=OnDoubt.HOLD)
    scene.queue.announce(past.holder, [begun, dotted, answered])
    past.begun(begun)
    past.dotted(dotted)
    past.answered(answered, SENT)
    spoil(past)
    assert past.settled() == []
    # Of the second nobody knows whether its dot went out; the first was not even announced.
    assert [row.status for row in scene.rows()] == ["pending", "in_doubt", "in_doubt", "sent"]
    verdicts = {attempt.delivery_id: attempt.verdict for attempt in scene.attempts()}
    assert (verdicts[silent.delivery_id], verdicts[begun.delivery_id]) == (
        Move.RESCUE_UNBEGUN,
        Move.RESCUE_HOLD,
    )
    assert verdicts[dotted.delivery_id] == Move.DOUBT_HOLD


def test_fault_92_a_journal_that_was_copied_from_another_host_is_not_read(
    scene: Scene, killed: Killed, caplog: pytest.LogCaptureFixture
) -> None:
    past, (claim,) = killed()
    past.dotted(claim)
    assert past.journal._file is not None
    name = past.journal._header.host
    past.journal._file.rewrite(
        replace(past.journal._header, host=name[::-1] if name[::-1] != name else "x" * len(name))
    )
    before = scene.rows()
    assert past.settled() == []
    assert before == scene.rows()
    assert past.state_of_session() == SessionState.RUNNING
    assert past.files() == ["00000001.journal"]
    assert "whose daemon may still live" in caplog.text


def test_a_verdict_whose_delivery_is_locked_is_handed_on_and_its_session_stands(
    scene: Scene, killed: Killed, rival: Scene
) -> None:
    if scene.is_sqlite:
        pytest.skip("SQLite locks no rows")
    past, (claim,) = killed()
    past.answered(claim, SENT)
    with rival.admin.begin() as connection:
        connection.execute(
            update(delivery).where(delivery.c.id == claim.delivery_id).values(due_at=delivery.c.due_at)
        )
        ((lease, settlements),) = past.settled()
    assert (past.holder, [Move.DELIVER]) == (lease.id, [each.move for each in settlements])
    assert scene.row(claim.delivery_id).status == "sending"
    assert past.state_of_session() == SessionState.RUNNING
    # The next run would find it again.
    assert past.files() == ["00000001.journal"]
    assert past.started() == []
    assert scene.row(claim.delivery_id).status == "sent"
