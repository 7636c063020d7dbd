"""A small history that is known to the last row, made as an application and a daemon make it."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import insert, select, update

from outbox import Outbox
from outbox.mail.status import Move
from outbox.mail.verdict import Evidence
from outbox.store.gates import Gates
from outbox.store.moves import Claim
from outbox.store.schema import SessionState, attempt, delivery, gate, message, session, suppression
from outbox.store.suppressions import suppress
from tests.contract.ends import record, settlement
from tests.contract.scene import Scene, ago

FAULT = "535 5.7.8 refused: look at smtp_password"


class Known:
    """What happened, by the names of the mails; all instants are minutes from one of them, `at(0)`."""

    def __init__(self, scene: Scene) -> None:
        scene.empty()
        self._scene = scene
        self.application = scene.application
        self.dialect = scene.application.dialect.name
        # Each mail a second after the one before it, so that its id is greater, too.
        scene.outbox = Outbox(sender="shop@example.org", clock=_ticking().__next__)
        self._now = datetime.now(UTC)
        self._ids: dict[str, int] = {}
        self._me = scene.start()
        scene.start(SessionState.STOPPED)
        self._end_some()
        self._leave_some()
        self._surround()
        self._set_clocks()

    def at(self, minutes: float) -> datetime:
        """Return the instant so many minutes after that of the history."""
        return self._now + timedelta(minutes=minutes)

    def id(self, name: str) -> str:
        """Return the id of a mail's message, as 32 letters."""
        found = select(delivery.c.message_id).where(delivery.c.id == self._ids[name])
        return str(self._scene.database.read(lambda one: one.execute(found).scalar_one()).hex)

    def by_hour(self, *minutes: float) -> list[tuple[datetime, int]]:
        """Count instants by the hour in which they are."""
        hours = (self.at(each).replace(minute=0, second=0, microsecond=0) for each in minutes)
        return sorted(Counter(hours).items())

    def waiting_bytes(self) -> int:
        """Return the bytes of all that is pending."""
        return sum(row.size for row in self._scene.rows() if row.status == "pending")

    def _mail(self, name: str, to: str, subject: str, **fields: Any) -> None:
        (self._ids[name],) = self._scene.mail(to=to, subject=subject, **fields)

    def _end_some(self) -> None:
        spring = {"tags": {"campaign": "spring"}}
        self._mail("welcome", "ada@example.org", "Welcome")
        self._mail("report", "ops@example.org", "Report")
        self._mail("receipt", "ada@example.org", "Receipt", key="receipt-42", tags={"order": 42})
        self._mail("sale", "bob@example.org", "Sale", **spring)
        self._mail("sale to carl", "carl@slow.example", "Sale", **spring)
        self._mail("sale to cleo", "cleo@slow.example", "Sale", **spring)
        self._mail("sale to dan", "dan@busy.example", "Sale", **spring)
        self._mail("typo", "dora@example.org", "Hello")
        self._mail("old typo", "dora@example.org", "Hello")
        self._mail("unwanted", "left@example.org", "News")
        self._mail("storm", "erin@example.org", "Alarm")
        self._mail("doubt", "fred@example.org", "News")
        claims = self._claims()
        clean = {"noted": False, "detail": None}
        doubtful = {"relay": "mx2", "evidence": Evidence(2048, 30.0)}
        ends: dict[str, tuple[Move, dict[str, Any]]] = {
            "welcome": (Move.DELIVER, clean),
            "report": (Move.DELIVER, {**clean, "queue_id": "4BZ"}),
            "receipt": (Move.DELIVER, clean),
            "sale": (Move.DOUBT_RESEND, doubtful),
            "sale to carl": (Move.DEFER, {}),
            "sale to cleo": (Move.DEFER, {}),
            "sale to dan": (Move.DEFER, {}),
            "typo": (Move.REFUSE, {}),
            "old typo": (Move.REFUSE, {}),
            "unwanted": (Move.SUPPRESS, {}),
            "storm": (Move.PARK, {}),
            "doubt": (Move.DOUBT_HOLD, doubtful),
        }
        settlements = [settlement(claims[name], move, **changes) for name, (move, changes) in ends.items()]
        assert record(self._scene.queue, self._me, settlements).applied == len(ends)
        self._scene.change(self._ids["sale"], due_at=ago(1))
        again = settlement(self._claims()["sale"], Move.DELIVER, relay="mx2", queue_id="4BY", detail=None)
        assert record(self._scene.queue, self._me, again).applied == 1

    def _claims(self) -> dict[str, Claim]:
        names = {id_: name for name, id_ in self._ids.items()}
        claims = self._scene.queue.claim(self._me, 100)
        return {names[claim.delivery_id]: claim for claim in claims}

    def _leave_some(self) -> None:
        self._mail("overdue", "gus@example.org", "Hello")
        self._mail("soon useless", "hal@example.org", "Code", expires_at=self.at(50))
        self._mail("later", "ada@example.org", "Parcel", tags={"order": 42}, send_at=self.at(120))
        self._mail("taken back", "ivy@example.org", "Oops")

    def _surround(self) -> None:
        Gates(self._scene.database).report("mx", FAULT)
        pause = {"kind": "stream", "name": "bulk", "paused_by": "bob", "paused_why": "too fast"}
        asked = {"delivery_id": self._ids["taken back"], "fence": 0, "verdict": "cancel", "who": "bob"}
        with self._scene.application.begin() as connection:
            suppress(connection, "Left@example.org", "unsubscribed", "carol")
            connection.execute(insert(gate).values(**pause, paused_at=self.at(0)))
            connection.execute(insert(attempt).values(**asked))

    def _set_clocks(self) -> None:
        """Put each instant where the history wants it, past every rule."""
        deliveries: dict[str, dict[str, Any]] = {
            "welcome": {"finished_at": self.at(-2880)},
            "report": {"finished_at": self.at(-300)},
            "receipt": {"finished_at": self.at(0)},
            "sale": {"finished_at": self.at(-30), "stream": "bulk"},
            "sale to carl": {"due_at": self.at(5)},
            "sale to cleo": {"due_at": self.at(5)},
            "sale to dan": {"due_at": self.at(5)},
            "typo": {"finished_at": self.at(0)},
            "old typo": {"finished_at": self.at(-2880)},
            "unwanted": {"finished_at": self.at(-1)},
            "storm": {"due_at": self.at(-6)},
            "doubt": {"due_at": self.at(-2), "stream": "bulk"},
            "overdue": {"due_at": self.at(-10)},
            "soon useless": {"due_at": self.at(-1)},
            "taken back": {"status": "cancelled", "reason": "person", "finished_at": self.at(0)},
        }
        for name, values in deliveries.items():
            self._scene.change(self._ids[name], **values)
        with self._scene.application.begin() as connection:
            for table, column in (
                (message, message.c.created_at),
                (attempt, attempt.c.at),
                (session, session.c.started_at),
                (session, session.c.beat_at),
                (suppression, suppression.c.created_at),
            ):
                connection.execute(update(table).values({column: self.at(0)}))
            connection.execute(update(gate).where(gate.c.fault.is_not(None)).values(fault_at=self.at(0)))
            for name, minutes in {"welcome": -2881, "report": -310, "receipt": -1, "sale": -50}.items():
                mine = select(delivery.c.message_id).where(delivery.c.id == self._ids[name]).scalar_subquery()
                created = update(message).where(message.c.id == mine).values(created_at=self.at(minutes))
                connection.execute(created)


def _ticking() -> Iterator[datetime]:
    start = datetime.now(UTC)
    return (start + timedelta(seconds=second) for second in count())
