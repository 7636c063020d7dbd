"""A small history that is known to the last row, made as an application and a daemon make it."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import select, update

import outbox
from outbox.mail.status import Move
from outbox.mail.verdict import Evidence
from outbox.store.gates import Gates
from outbox.store.moves import Claim
from outbox.store.schema import SessionState, attempt, delivery, gate, message, session, suppression
from tests.contract.ends import record, settlement
from tests.contract.scene import Scene, ago

WEEKS = range(1, 10)
CLEAN = {"noted": False, "detail": None}
CREATED = {"welcome": -100_001, "report": -310, "receipt": -1, "sale": -50, "notice": -70} | {
    f"week {week}": -10_080 * week - week for week in WEEKS
}
FAULT = "535 5.7.8 refused: look at smtp_password"


class Known:
    """What happened, by the names of the mails; all instants are minutes from one of them, `at(0)`."""

    def __init__(self, scene: Scene) -> None:
        scene.empty()
        self._scene = scene
        self.application = scene.application
        self.dialect = scene.application.dialect.name
        # Each mail a second after the one before it, so that its id is greater, too.
        scene.outbox = outbox.Outbox(sender="shop@example.org", clock=_ticking().__next__)
        self._now = datetime.now(UTC)
        self._ids: dict[str, int] = {}
        scene.start()
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

    def waiting_bytes(self, stream: str) -> int:
        """Return the bytes of all that is pending in a stream."""
        rows = self._scene.rows()
        return sum(row.size for row in rows if row.status == "pending" and row.stream == stream)

    def _mail(self, name: str, to: str, subject: str, **fields: Any) -> None:
        (self._ids[name],) = self._scene.mail(to=to, subject=subject, **fields)

    def _end_some(self) -> None:
        spring = {"tags": {"campaign": "spring", "order": 43}}
        self._mail("welcome", "ada@example.org", "Welcome", tags={"campaign": "autumn"})
        for week in WEEKS:
            self._mail(f"week {week}", "ada@example.org", f"Week {week}")
        self._mail("report", "ops@example.org", "Report", tags={"season": "spring", "invoice": 42})
        self._mail("receipt", "ada@example.org", "Receipt", key="receipt-42", tags={"order": 42})
        self._mail("sale", "bob@example.org", "Sale", **spring)
        self._mail("notice", "bob@example.org", "Notice")
        self._mail("sale to carl", "carl@slow.example", "Sale", **spring)
        self._mail("sale to cleo", "cleo@slow.example", "Sale", **spring)
        self._mail("sale to dan", "dan@busy.example", "Sale", **spring)
        self._mail("typo", "dora@example.org", "Hello")
        self._mail("old typo", "dora@example.org", "Hello")
        self._mail("bounced", "zoe@example.org", "News")
        self._mail("unwanted", "left@example.org", "News")
        self._mail("storm", "erin@example.org", "Alarm")
        self._mail("doubt", "fred@example.org", "News")
        doubtful = {"relay": "mx2", "evidence": Evidence(2048, 30.0)}
        ends: dict[str, tuple[Move, dict[str, Any]]] = {
            "welcome": (Move.DELIVER, CLEAN),
            **{f"week {week}": (Move.DELIVER, CLEAN) for week in WEEKS},
            "report": (Move.DELIVER, CLEAN),
            "receipt": (Move.DELIVER, CLEAN),
            "sale": (Move.DOUBT_RESEND, doubtful),
            "notice": (Move.DOUBT_ASSUME, {}),
            "sale to carl": (Move.DEFER, {}),
            "sale to cleo": (Move.DEFER, {}),
            "sale to dan": (Move.DEFER, {}),
            "typo": (Move.REFUSE, {}),
            "old typo": (Move.REFUSE, {}),
            "bounced": (Move.SUPPRESS, {}),
            "unwanted": (Move.SUPPRESS, {}),
            "storm": (Move.PARK, {}),
            "doubt": (Move.DOUBT_HOLD, doubtful),
        }
        self._record(ends)
        self._scene.change(self._ids["sale"], due_at=ago(1))
        self._record({"sale": (Move.DELIVER, {"relay": "mx2", "queue_id": "4BY", "detail": None})})

    def _record(self, ends: dict[str, tuple[Move, dict[str, Any]]]) -> None:
        claims = self._claims()
        settlements = [settlement(claims[name], move, **changes) for name, (move, changes) in ends.items()]
        assert record(self._scene.queue, self._me, settlements).applied == len(ends)

    def _claims(self) -> dict[str, Claim]:
        names = {id_: name for name, id_ in self._ids.items()}
        claims = self._scene.queue.claim(self._me, 100)
        return {names[claim.delivery_id]: claim for claim in claims}

    def _leave_some(self) -> None:
        self._mail("soon useless", "hal@example.org", "Code", expires_at=self.at(50))
        self._mail("overdue", "gus@example.org", "Hello", expires_at=self.at(20))
        self._mail("much later", "kim@example.org", "Digest", send_at=self.at(240))
        self._mail("later", "ada@example.org", "Parcel", tags={"order": 42}, send_at=self.at(120))
        self._mail("taken back", "ivy@example.org", "Oops")

    def _surround(self) -> None:
        gates = Gates(self._scene.database)
        gates.report("bulk-mx", "421 4.7.0 too many connections")
        gates.report("mx", FAULT)
        with self._scene.application.begin() as connection:
            outbox.suppress(connection, "Left@example.org", "unsubscribed", "carol")
            outbox.suppress(connection, "zoe@example.org", "bounced")
            outbox.pause(connection, why="too fast", who="bob")
            outbox.pause(connection, stream="bulk", why="too fast", who="bob")
            outbox.retry(connection, self.id("sale to carl"), who="carol", note="their server is back")
            outbox.cancel(connection, self.id("taken back"), who="bob")

    def _set_clocks(self) -> None:
        """Put each instant where the history wants it, past every rule."""
        for name, values in self._clocks().items():
            self._scene.change(self._ids[name], **values)
        now = {
            column: self.at(0) for column in (message.c.created_at, attempt.c.at, suppression.c.created_at)
        }
        is_of = delivery.c.message_id
        with self._scene.admin.begin() as connection:
            for column, instant in now.items():
                connection.execute(update(column.table).values({column: instant}))
            for name, minutes in CREATED.items():
                mine = select(is_of).where(delivery.c.id == self._ids[name]).scalar_subquery()
                created = update(message).where(message.c.id == mine).values(created_at=self.at(minutes))
                connection.execute(created)
            for change in (
                update(session).values(started_at=self.at(0), beat_at=self.at(0)),
                update(session).where(session.c.id == self._me).values(started_at=self.at(-5), sent=12),
                update(gate).where(gate.c.fault.is_not(None)).values(fault_at=self.at(0)),
                update(gate).where(gate.c.name == "mx").values(fault_at=self.at(-10)),
                update(gate).where(gate.c.kind == "all").values(paused_at=self.at(0)),
                update(gate).where(gate.c.name == "bulk").values(paused_at=self.at(-10)),
                update(suppression).where(suppression.c.why == "bounced").values(created_at=self.at(-60)),
            ):
                connection.execute(change)

    def _clocks(self) -> dict[str, dict[str, Any]]:
        """Return when each delivery ended or is due, and of which streams some are."""
        ended = {
            "welcome": -100_000,
            **{f"week {week}": -10_080 * week for week in WEEKS},
            "report": -300,
            "receipt": 0,
            "sale": -30,
            "notice": -40,
            "typo": 0,
            "old typo": -2_880,
            "bounced": -2,
            "unwanted": -1,
            "taken back": 0,
        }
        due = {"sale to carl": 5, "sale to cleo": 5, "sale to dan": 5, "storm": -6, "doubt": -2}
        due |= {"overdue": -10, "soon useless": -1, "taken back": 180}
        clocks: dict[str, dict[str, Any]] = {name: {} for name in self._ids}
        for name, minutes in ended.items():
            clocks[name]["finished_at"] = self.at(minutes)
        for name, minutes in due.items():
            clocks[name]["due_at"] = self.at(minutes)
        for name in ("sale", "doubt", "sale to dan"):
            clocks[name]["stream"] = "bulk"
        clocks["taken back"] |= {"expires_at": self.at(30)}
        return {name: values for name, values in clocks.items() if values}


def _ticking() -> Iterator[datetime]:
    start = datetime.now(UTC)
    return (start + timedelta(seconds=second) for second in count())
