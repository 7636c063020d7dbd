"""One host's journal, and what a restore of the database makes of its mail."""

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import delete, update

from outbox.delivery.relay import Relay
from outbox.delivery.retry import RetryPolicy
from outbox.mail.status import Move
from outbox.mail.verdict import Answer, Deferred, InDoubt, Sent, Verdict
from outbox.store.history import History
from outbox.store.moves import Claim
from outbox.store.remains import Remains
from outbox.store.schema import attempt, meta
from outbox.worker.aftermath import Aftermath
from outbox.worker.journaling import Journaling
from outbox.worker.lease import Lease
from outbox.worker.options import Options
from outbox.worker.parcel import Parcel
from outbox.worker.replay import NEAR, Replay
from tests.contract.ends import record, settlement
from tests.contract.scene import Scene

if TYPE_CHECKING:
    from outbox.journal.record import Key

SENT = Sent(Answer(250, "2.0.0", "Ok: queued as 4X"), "4X")
LATER = Deferred("end of data", "later", Answer(451, None, "later"))
DOUBT = InDoubt("end of data", "no answer", None)
_MOVES: dict[type[Verdict], Move] = {Sent: Move.DELIVER, Deferred: Move.DEFER, InDoubt: Move.DOUBT_HOLD}


class Host:
    """One host's journal, and the daemon that keeps it; it began long before whatever happens to it `now`."""

    def __init__(self, scene: Scene, state: Path) -> None:
        state.mkdir(exist_ok=True)
        options = Options(
            relays=(Relay(name="mx", host="mail.example", port=25),), policy=RetryPolicy(), state_dir=state
        )
        self.scene = scene
        self.remains = Remains(scene.database)
        aftermath = Aftermath(scene.queue, self.remains, options, wait=lambda _: None)
        self.now = 0.0
        self.replay = Replay(History(scene.database), self.remains, aftermath, lambda: self.now)
        self.journal = Journaling(state, "mx")
        self.journal.open()
        self.claimed: list[Key] = []

    def begin(self, me: UUID) -> None:
        self.replay.begin(self.journal.folder)
        self.now += NEAR
        self.journal.turn(self.replay.database, self.replay.answered)
        self.journal.begin(me)

    def dots(self, me: UUID, claim: Claim, by: str = "mx") -> Parcel:
        """Send this one up to its dot."""
        lease = Lease(valid_until=0.0, unbroken_since=0.0, id=me)
        parcel = Parcel(claim.message_id, [claim], lease, 0.0, 1)
        self.journal.begun(parcel, by)
        self.journal.dotted(parcel)
        self.journal.flush()
        return parcel

    def sends(self, me: UUID, claims: list[Claim], verdict: Verdict = SENT, by: str = "mx") -> None:
        """Send these, and have the database confirm it."""
        for claim in claims:
            self.journal.answered(self.dots(me, claim, by), [verdict])
            self.journal.flush()
            end = settlement(claim, _MOVES[type(verdict)])
            record(self.scene.queue, me, [end])
            self.journal.known([end])

    def has_sent(self, count: int) -> tuple[UUID, list[Claim]]:
        """Begin to claim and send so many mails, and return the session and its claims."""
        me, claims = self.scene.held(count)
        self.begin(me)
        self.sends(me, claims)
        return me, claims

    def dies(self) -> None:
        """End as a process does: its files stay as they are, and its lock goes."""
        assert self.journal.folder is not None
        self.journal.folder.close()

    def look(self, me: UUID) -> bool:
        self.replay.notices(me, self.journal.ended, self.claimed)
        self.journal.counted(me, self.replay.counted(me))
        return self.replay.look(me, History(self.scene.database).now().epoch, self.journal.folder)


def prepared(scene: Scene, state: Path) -> Host:
    """Give a host for whose database nobody waits."""
    with scene.admin.begin() as connection:
        connection.execute(update(meta).values(restored_at=None, confirmed=0))
    return Host(scene, state)


def forget(scene: Scene, *claims: Claim) -> None:
    """Let the database know nothing of these claims."""
    with scene.admin.begin() as connection:
        connection.execute(delete(attempt))
    for claim in claims:
        scene.change(
            claim.delivery_id,
            status="pending",
            session=None,
            fence=claim.fence - 1,
            doubts=0,
            finished_at=None,
        )


def statuses(scene: Scene) -> list[str]:
    return [row.status for row in scene.rows()]
