"""What one frame of `outbox top` says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from outbox.cli.ending import addressed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from outbox.store.overview import Overview

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_WAITED = {"relay_down": "down", "rate": "short of its rate", "quota": "short of its quota"}


@dataclass(frozen=True, slots=True)
class Section:
    """One table; `empty` is said in its place where it has no rows."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[object]]
    empty: str


class Rates:
    """How much each daemon sends a second, from beat to beat: then it writes its counters down."""

    def __init__(self) -> None:
        self._last: dict[UUID, tuple[datetime, int]] = {}
        self._rates: dict[UUID, float] = {}

    def look(self, now: Overview) -> Mapping[UUID, float]:
        """Return the rates of the daemons that have beaten since they were looked at first."""
        for row in now.sessions:
            at, sent = self._last.get(row.id, (row.beat_at, row.sent))
            if row.beat_at > at:
                self._rates[row.id] = (row.sent - sent) / (row.beat_at - at).total_seconds()
            self._last[row.id] = row.beat_at, row.sent
        return self._rates


def frame(now: Overview, rates: Mapping[UUID, float]) -> list[Section]:
    """Return the sections, with the rates of daemons as far as they are known."""
    return [
        Section("Queue", ("stream", "status", "deliveries", "oldest due"), [*_queue(now)], "Nothing waits."),
        Section(
            "Gates", ("gate", "stands", "since", "until", "why"), [*_gates(now)], "No relay was met yet."
        ),
        Section(
            "Daemons",
            ("daemon", "state", "runs", "silent", "sent/s", "sent", "deferred", "failed", "version"),
            [*_daemons(now, rates)],
            addressed("No daemon runs: outbox run"),
        ),
        Section("Failed last", ("at", "recipient", "subject", "why"), [*_failed(now)], "Nothing failed."),
    ]


def ago(seconds: float) -> str:
    """Return a duration in its two largest units."""
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m {whole % _MINUTE:02}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h {whole % _HOUR // _MINUTE:02}m"
    return f"{whole // _DAY}d {whole % _DAY // _HOUR:02}h"


def _queue(now: Overview) -> Iterator[Sequence[object]]:
    for row in now.queue:
        age = ago(row.oldest_due_age) if row.oldest_due_age > 0 else None
        yield row.stream, row.status, f"{row.deliveries:,}", age if row.status == "pending" else None


def _gates(now: Overview) -> Iterator[Sequence[object]]:
    """Yield a line for each thing that keeps mail at a gate, and one for each gate that is open."""
    told = {(row.kind, row.name): row for row in now.gates}
    waits: dict[tuple[str, str], list[Any]] = {}
    for wait in now.waits:
        waits.setdefault((wait.kind, wait.name), []).append(wait)
    for gate in sorted({*told, *waits}):
        row = told.get(gate)
        for wait in waits.get(gate, ()):
            yield _called(*gate), *_wait(wait, row)
        if gate not in waits:
            quota = _quota(now, row)
            yield (
                _called(*gate),
                "open",
                None,
                None,
                "; ".join(filter(None, (row and row.fault, quota))) or None,
            )


def _called(kind: str, name: str) -> str:
    return "all mail" if kind == "all" else f"{kind} {name}"


def _wait(wait: Any, row: Any) -> Sequence[object]:
    stands, why = _WAITED.get(wait.reason, wait.reason), row and row.fault
    if wait.reason == "paused":
        who = f"by {row.paused_by}" if row and row.paused_by else None
        why = ": ".join(filter(None, (who, row and row.paused_why)))
    elif wait.reason == "throttled" and row and row.pace is not None:
        stands = f"slowed to {row.pace:.3g}/s"
    return stands, wait.since, wait.until, why or None


def _quota(now: Overview, row: Any) -> str | None:
    """Return what of its quota a gate has used on this day."""
    if row is None or not row.quota_used or row.quota_day != now.at.date():
        return None
    return f"{row.quota_used:,} of today's quota"


def _daemons(now: Overview, rates: Mapping[UUID, float]) -> Iterator[Sequence[object]]:
    for row in now.sessions:
        rate = rates.get(row.id)
        yield (
            f"{row.host} {row.pid}",
            row.state if row.silent < row.ttl else "silent",
            ago(row.runs),
            ago(row.silent),
            None if rate is None else f"{rate:,.1f}",
            f"{row.sent:,}",
            f"{row.deferred:,}",
            f"{row.failed:,}",
            row.version,
        )


def _failed(now: Overview) -> Iterator[Sequence[object]]:
    for row in now.failed:
        words = " ".join(str(part) for part in (row.reply_code, row.enhanced_code, row.reply) if part)
        yield row.finished_at, row.recipient, row.subject, words or row.reason
