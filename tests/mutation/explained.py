"""What no test misses, and why it may stay so."""

import re

_READS_MORE = "it only reads more, which tests/plans/test_growth.py sees: what is found is looked up by id"

_ASKED_AGAIN = (
    "only of the read: the update behind it asks again, and tests/contract/test_guards.py looks at that"
)

_ONE_ROW = "a CHECK of the table says that it has one row"

_CHECKED = "a CHECK of the table says that only what is sending has a session"

GUARDS: dict[tuple[str, str], str] = {
    ("outbox/store/queue.py", "_IS_MINE"): _ASKED_AGAIN,
    ("outbox/store/queue.py", "IS_SENDING"): _ASKED_AGAIN,
    (
        "outbox/store/dialects/postgresql_daemon.py",
        '_d.id == one_of("ids", _d.id.type)',
    ): "the join says the same; tests/plans sees how the rows are found without it",
    (
        "outbox/store/dialects/sqlite_daemon.py",
        "IS_PENDING",
    ): "the write lock is ours since they were chosen",
    ("outbox/store/history.py", "meta.c.id == 1"): _ONE_ROW,
    (
        "outbox/store/conditions.py",
        "_d.finished_at.is_not(None)",
    ): "a CHECK of the table says so of what is final; the words are those of the index",
    (
        "outbox/store/conditions.py",
        '_d.status.in_([literal_column(f"\'{each}\'") for each in ("held", "in_doubt")])',
    ): "it says less than what stands beside it; the words are those of the index",
    ("outbox/store/permission.py", "meta.c.id == 1"): _ONE_ROW,
    (
        "outbox/store/permission.py",
        "or_(_g.paused_at.is_not(None), _g.open_until.is_not(None), _g.waits > 0, _g.pace.is_not(None))",
    ): "it only reads more: a gate of which none of it holds says what no gate says",
    ("outbox/store/remains.py", "IS_SENDING"): _CHECKED,
    ("outbox/store/remains.py", "is_still(Status.SENDING)"): _CHECKED,
    (
        "outbox/store/remains.py",
        'database.dialect.among(attempt.c.delivery_id, "ids")',
    ): "it only reads more: what is found is looked up by id and fence",
    (
        "outbox/store/verdicts.py",
        '_d.message_id == bindparam("late_message", type_=Guid)',
    ): "the read before it asks the same, but for a restore between the two",
    ("outbox/store/verdicts.py", 'dialect.among(_d.id, "ids")'): _READS_MORE,
    ("outbox/store/verdicts.py", 'dialect.among(_a.delivery_id, "ids")'): _READS_MORE,
    ("outbox/store/requests.py", 'dialect.among(message.c.id, "ids")'): _READS_MORE,
    ("outbox/store/sessions.py", "_IS_FORGOTTEN"): "the read and the deletion behind it ask the same",
    (
        "outbox/store/sessions.py",
        'database.dialect.among(_s.id, "ids")',
    ): "what it deletes more may go as well: the transaction is longer",
    ("outbox/store/sessions.py", "IS_SENDING"): _CHECKED,
    (
        "outbox/store/statistics.py",
        "_d.status.in_([literal(status.value) for status in sorted(FINAL)])",
    ): "a CHECK of the table says that only what is final has an end; its index begins with the status",
    ("outbox/store/turns.py", "meta.c.id == 1"): _ONE_ROW,
}
"""Guards that are left out by `guards.py`, by file and text."""

_SHAPES: dict[str, str] = {
    r"outbox/(delivery|store)/.*: @dataclass\(.*": "only forbids, and spares memory; mypy sees who writes",
    r".*: if not TYPE_CHECKING:": "imports for annotations",
    r".*: def .*, /, .*": "made a name optional: every caller gives it",
}
"""Changed lines of a shape that nobody can notice, behind their module."""

_SAME_INSTANT = "no test can meet the very microsecond"
_ANY_NUMBER = "any number near it will do"

_LINES: dict[tuple[str, str], str] = {
    (
        "outbox/delivery/retry.py",
        "wait = min(self.base * 2.0 ** min(attempts - 1, 29), self.cap)",
    ): _ANY_NUMBER,
    (
        "outbox/delivery/retry.py",
        "wait = min(self.base * 2.0 ** min(attempts - 1, 31), self.cap)",
    ): _ANY_NUMBER,
    ("outbox/store/queue.py", '_d.fence <= bindparam("claimed"),'): "fences only grow",
    ("outbox/store/queue.py", "if limit <= 1:"): "nobody claims none",
    (
        "outbox/store/queue.py",
        "self._lanes.found(look, lane, [*seen, now] if now and len(claims) != most else seen)",
    ): "a claim never takes more",
    (
        "outbox/store/queue.py",
        "return connection.execute(_ANNOUNCE, parameters).rowcount >= 1",
    ): "an id is of one row",
    (
        "outbox/store/queue.py",
        "self, holder: UUID, settlements: Iterable[Settlement], /, doubt_pause: float, again: bool = False",
    ): "made a name optional: every caller gives it",
    ("outbox/store/lanes.py", "if look.floors[lane] > LEFT:"): "no instant is before the left edge",
    (
        "outbox/store/queue.py",
        (
            "select(_d.id).where(IS_PENDING, _d.expires_at < utc_now())"
            ".limit(BATCH).with_for_update(skip_locked=True)"
        ),
    ): _SAME_INSTANT,
    ("outbox/store/queue.py", ".where(is_still(Status.PENDING), _d.expires_at < utc_now())"): _SAME_INSTANT,
    (
        "outbox/store/queue.py",
        "select(_m.id, _m.sender, _m.mime, _m.on_doubt).where(wanted).execution_options(in_binary=False)",
    ): "the same bytes, in more memory for a moment",
    (
        "outbox/store/rescues.py",
        'finished_at=case((bindparam("ended") >= 1, utc_now()), else_=null()),',
    ): "it is 0 or 1",
}
"""Other lines as Cosmic Ray has changed them, by module and text."""


def why(module: str, after: str) -> str | None:
    """Return why it may stay so that no test misses this changed line, None where nobody knows."""
    for shape, reason in _SHAPES.items():
        if re.fullmatch(shape, f"{module}: {after}"):
            return reason
    return _LINES.get((module, after))
