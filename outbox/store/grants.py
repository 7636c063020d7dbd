"""What each of the five roles may do with each column: one table, from which every dialect compiles its SQL.

A role of the database holds what one kind of program needs, and no more: an application that was taken over
cannot change what others have queued, and a daemon cannot rewrite to whom a mail goes. A new column of the
schema needs a line here, also where nobody may have it; a test tells.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from outbox.store.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Role(StrEnum):
    """A role without login, of which the users of the database are made members."""

    APP = "outbox_app"
    CONTROL = "outbox_app_control"
    DAEMON = "outbox_daemon"
    READER = "outbox_reader"
    ADMIN = "outbox_admin"


class Action(StrEnum):
    """What a right allows, in the words of SQL."""

    SELECT = "SELECT"
    INSERT = "INSERT"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


WHOLE = "*"
"""Stands in the place of a column for the rows of a table, or for all of a view."""

# r SELECT, i INSERT, u UPDATE, d DELETE, - nothing; k is inserted unless a key is taken, for which MariaDB
# wants UPDATE as well. `outbox_admin` may do all four everywhere and needs no column here.
_TABLE = """
                    app  app_control  daemon  reader
outbox_message
    *               -    -            d       -
    id              rik  rik          r       r
    created_at      -    r            r       r
    stream          ik   rik          r       r
    sender          ik   rik          r       r
    subject         ik   rik          ru      r
    message_id      ik   rik          ru      r
    mime            ik   ik           ru      -
    size            ik   rik          ru      r
    tags            ik   rik          r       r
    idempotency_key rik  rik          r       r
    payload_hash    rik  rik          r       r
    on_doubt        ik   rik          r       r
    erased_at       -    r            ru      r
    traceparent     ik   rik          r       r
outbox_delivery
    *               -    -            d       -
    id              -    r            r       r
    message_id      i    ri           r       r
    n               i    ri           r       r
    recipient       i    ri           r       r
    stream          i    ri           r       r
    size            i    ri           r       r
    status          -    ru           ru      r
    due_at          i    riu          ru      r
    expires_at      i    ri           r       r
    attempts        -    ru           ru      r
    judged_at       -    ru           ru      r
    fence           -    r            ru      r
    rescues         -    ru           ru      r
    doubts          -    ru           ru      r
    session         -    r            ru      r
    relay           -    r            ru      r
    reply_code      -    r            ru      r
    enhanced_code   -    r            ru      r
    reply           -    r            ru      r
    queue_id        -    r            ru      r
    reason          -    ru           ru      r
    finished_at     -    ru           ru      r
    lane            -    ru           ru      r
    wish            -    ru           ru      r
    announced       -    r            ru      r
outbox_attempt
    *               -    -            d       -
    id              -    r            r       r
    delivery_id     -    ri           ri      r
    fence           -    ri           ri      r
    session         -    r            ri      r
    relay           -    r            ri      r
    stage           -    r            ri      r
    reply_code      -    r            ri      r
    enhanced_code   -    r            ri      r
    reply           -    r            ri      r
    detail          -    ri           ri      r
    verdict         -    ri           ri      r
    late            -    r            ri      r
    at              -    r            r       r
    bytes_written   -    r            ri      r
    waited          -    r            ri      r
    who             -    ri           r       r
outbox_session
    *               -    -            d       -
    id              -    r            ri      r
    host            -    r            ri      r
    pid             -    r            ri      r
    version         -    r            ri      r
    started_at      -    r            r       r
    beat_at         -    r            ru      r
    ttl             -    r            ri      r
    state           -    r            riu     r
    sent            -    r            ru      r
    failed          -    r            ru      r
    deferred        -    r            ru      r
    epoch           -    r            riu     r
outbox_gate
    kind            -    rik          rik     r
    name            -    rik          rik     r
    pipelining      -    r            ru      r
    data_apart      -    r            ru      r
    recipients      -    r            ru      r
    learnt_at       -    r            ru      r
    fault           -    r            ru      r
    fault_at        -    r            ru      r
    paused_at       -    riu          r       r
    paused_by       -    riu          r       r
    paused_why      -    riu          r       r
    opened_at       -    r            ru      r
    open_until      -    r            ru      r
    prober          -    r            ru      r
    probe_until     -    r            ru      r
    tokens          -    r            ru      r
    tokens_at       -    r            ru      r
    quota_used      -    r            ru      r
    quota_day       -    r            ru      r
    short_of        -    r            ru      r
    short_since     -    r            ru      r
    short_until     -    r            ru      r
    pace            -    r            ru      r
    paced_at        -    r            ru      r
    waits           -    r            ru      r
outbox_tag
    *               -    -            d       -
    name            i    ri           r       r
    value           i    ri           r       r
    message_id      i    ri           r       r
outbox_suppression
    *               -    d            -       -
    address         r    rik          r       r
    why             r    riu          r       r
    who             r    riu          r       r
    created_at      r    r            r       r
outbox_meta
    id              -    r            r       r
    environment     -    r            r       r
    database_id     -    r            r       r
    epoch           -    r            ru      r
    restored_at     -    r            ru      r
    confirmed       -    r            r       r
    keeper          -    r            ru      r
    keeper_until    -    r            ru      r
    erased_to       -    r            ru      r
    timeline        -    r            ru      r
outbox_stat
    day             -    r            rik     r
    stream          -    r            rik     r
    relay           -    r            rik     r
    status          -    r            rik     r
    deliveries      -    r            riu     r
outbox_status
    *               -    r            r       r
outbox_queue
    *               -    r            r       r
outbox_wait
    *               -    r            r       r
outbox_alembic_version
    *               -    r            r       r
"""

READ_ONLY = frozenset({"outbox_status", "outbox_queue", "outbox_wait", "outbox_alembic_version"})
"""What nobody but the migration writes, not even an admin."""

FUNCTION = "outbox_enqueue"
"""What whoever inserts mail may call, on databases that have it."""

NUMBERED = ("outbox_delivery", "outbox_attempt")
"""The tables whose ids a sequence gives, where a database has sequences."""

_LETTERS = {"r": Action.SELECT, "i": Action.INSERT, "u": Action.UPDATE, "d": Action.DELETE}
_EVERYTHING = (WHOLE,)


def letters() -> dict[str, dict[str, dict[Role, str]]]:
    """Return what stands above: by table, by column, the letters of each role but the admin."""
    heading, *lines = _TABLE.strip("\n").splitlines()
    roles = [Role(f"outbox_{name}") for name in heading.split()]
    tables: dict[str, dict[str, dict[Role, str]]] = {}
    for line in lines:
        name, *words = line.split()
        if words:
            tables[next(reversed(tables))][name] = dict(zip(roles, words, strict=True))
        else:
            tables[name] = {}
    return tables


def rights(role: Role, key: Action | None) -> dict[str, dict[Action, tuple[str, ...]]]:
    """Return by table and action the columns that a role may touch, or WHOLE alone.

    `key` is what this database wants beside INSERT, if anything, of whoever inserts a row unless its key is
    taken.
    """
    return {
        table: by_action
        for table, columns in letters().items()
        if (by_action := _of_admin(table) if role is Role.ADMIN else _of(role, columns, key))
    }


def _of_admin(table: str) -> dict[Action, tuple[str, ...]]:
    return dict.fromkeys((Action.SELECT,) if table in READ_ONLY else Action, _EVERYTHING)


def _of(
    role: Role, columns: Mapping[str, Mapping[Role, str]], key: Action | None
) -> dict[Action, tuple[str, ...]]:
    found: dict[Action, tuple[str, ...]] = {}
    for action in Action:
        meant = {letter for letter, meaning in {**_LETTERS, "k": key}.items() if meaning is action}
        touched = tuple(column for column, words in columns.items() if meant.intersection(words[role]))
        if touched:
            # A right to all columns is one to the table, and covers those that a later migration adds.
            found[action] = _EVERYTHING if set(columns) - {WHOLE} <= set(touched) else touched
    return found


def inserts(role: Role, table: str) -> bool:
    """Tell whether a role writes new rows of a table."""
    return Action.INSERT in rights(role, None).get(table, {})


def listed(table: str, by_action: Mapping[Action, tuple[str, ...]], quote: Callable[[str], str]) -> str:
    """Return what stands between GRANT and ON; a column that the table has not is a KeyError."""
    return ", ".join(
        action
        if columns == _EVERYTHING
        else f"{action} ({', '.join(quote(metadata.tables[table].c[column].name) for column in columns)})"
        for action, columns in by_action.items()
    )
