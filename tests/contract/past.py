"""A daemon with a journal that is killed, and what the next one settles of it."""

from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from outbox.delivery.relay import Relay
from outbox.delivery.retry import RetryPolicy
from outbox.mail.status import Settlement
from outbox.mail.verdict import Verdict
from outbox.store.history import History
from outbox.store.moves import Claim
from outbox.store.remains import Remains
from outbox.store.schema import session
from outbox.worker.aftermath import Aftermath
from outbox.worker.journaling import Journaling
from outbox.worker.lease import Lease
from outbox.worker.options import Options
from outbox.worker.parcel import Parcel
from tests.contract.scene import Scene

RELAY = Relay(name="mx", host="mail.example", port=25)


class Past:
    """A daemon with a journal in `state`, until it is killed; and the one that is started after."""

    def __init__(self, scene: Scene, state: Path, holder: UUID) -> None:
        self.scene = scene
        self.state = state
        self.holder = holder
        self.journal = Journaling(state, "before")
        self.journal.open()
        self.database = History(scene.database).now().database
        self.journal.turn(self.database, 0)
        self.journal.begin(holder)

    def parcel(self, *claims: Claim) -> Parcel:
        lease = Lease(valid_until=0.0, unbroken_since=0.0, id=self.holder)
        return Parcel(claims[0].message_id, list(claims), lease, 0.0, 1)

    def begun(self, claim: Claim) -> Parcel:
        parcel = self.parcel(claim)
        self.journal.begun(parcel, "before")
        return parcel

    def dotted(self, claim: Claim) -> Parcel:
        parcel = self.begun(claim)
        self.journal.dotted(parcel)
        self.journal.flush()
        return parcel

    def answered(self, claim: Claim, verdict: Verdict) -> None:
        self.journal.answered(self.dotted(claim), [verdict])
        self.journal.flush()

    def killed(self) -> None:
        """End as a process does: its files stay as they are, and its locks go."""
        assert self.journal._folder is not None
        self.journal._folder.close()

    def settled(self, **options: object) -> list[tuple[Lease, list[Settlement]]]:
        """Kill it, and do what the next daemon does first; return what could not be written."""
        self.killed()
        return self.started(**options)

    def started(self, **options: object) -> list[tuple[Lease, list[Settlement]]]:
        given = {"relays": (RELAY,), "policy": RetryPolicy(), "state_dir": self.state} | options
        after = Aftermath(
            self.scene.queue,
            Remains(self.scene.database),
            Options(**given),  # type: ignore[arg-type] # a test gives what it likes
            wait=lambda _seconds: None,
        )
        journal = Journaling(self.state, "mx")
        unwritten = after.settle(journal.open(), self.database)
        journal.close()
        return unwritten

    def state_of_session(self) -> str:
        wanted = select(session.c.state).where(session.c.id == self.holder)
        return str(self.scene.database.read(lambda connection: connection.execute(wanted).scalar_one()))

    def files(self) -> list[str]:
        return sorted(file.name for file in (self.state / "journal").iterdir())
