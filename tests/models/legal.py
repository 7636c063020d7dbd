"""What a claim may take: the choice is the store's, within these rules."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from outbox.mail.status import Lane
from outbox.mail.stream import DEFAULT
from outbox.store.lanes import LEFT, Line, Look


def floors_of(look: Look) -> dict[Lane, datetime]:
    """Return where a claim begins to scan each lane of the default stream."""
    return {lane: LEFT if look.is_whole else look.floor(Line(DEFAULT, lane)) for lane in Lane}


def faults(
    due: Sequence[Mapping[str, Any]],
    taken: Collection[int],
    limit: int,
    floors: Mapping[Lane, datetime],
    *,
    alone: bool,
) -> list[str]:
    """Name what is wrong with taking these ids of the rows that are `due`; a scan begins at its floor."""
    wrong = []
    if strange := sorted(set(taken) - {row["id"] for row in due}):
        wrong.append(f"{strange} may not be claimed")
    lanes = {
        lane: [row for row in due if row["lane"] == lane and row["due_at"] >= floors[lane]] for lane in Lane
    }
    took = {lane: [row for row in rows if row["id"] in taken] for lane, rows in lanes.items()}
    rescued, retries, fresh = (len(took[lane]) for lane in (Lane.ALONE, Lane.RETRY, Lane.FRESH))
    # One of the rescued, then retries as half of the rest at most, and fresh mail as all that is left.
    room = limit - rescued
    most = {Lane.ALONE: int(alone), Lane.RETRY: (room + 1) // 2, Lane.FRESH: room - retries}
    if limit == 1:
        # The other way round, each if there was none of those before it.
        most = {Lane.FRESH: 1, Lane.RETRY: 1 - fresh, Lane.ALONE: int(alone) * (1 - fresh - retries)}
    for lane, rows in lanes.items():
        if len(took[lane]) != min(len(rows), most[lane]):
            wrong.append(f"{len(took[lane])} of {len(rows)} in lane {lane.name}, where {most[lane]} may go")
        left = [row["due_at"] for row in rows if row["id"] not in taken]
        if left and any(row["due_at"] > min(left) for row in took[lane]):
            wrong.append(f"one in lane {lane.name} has waited for longer")
    return wrong
