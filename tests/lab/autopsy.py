"""What a daemon held when it died, as the database tells, and what was taken from the dead."""

from collections.abc import Collection

from sqlalchemy import Engine, text

from tests.lab.oracle import Key, Kill

_SESSION = text("SELECT id FROM outbox_session WHERE pid = :pid AND state <> 'lost'")
_HELD = text(
    "SELECT m.message_id, d.recipient, d.fence, d.announced FROM outbox_delivery d"
    " JOIN outbox_message m ON m.id = d.message_id WHERE d.status = 'sending' AND d.session = :session"
)
_RESCUED = text(
    "SELECT m.message_id, d.recipient, a.session FROM outbox_attempt a"
    " JOIN outbox_delivery d ON d.id = a.delivery_id JOIN outbox_message m ON m.id = d.message_id"
    " WHERE (a.verdict LIKE 'rescue%' AND a.verdict <> 'rescue_unbegun') OR a.verdict LIKE 'doubt%'"
)


def autopsy(engine: Engine, client: str, pid: int) -> Kill:
    """Return what the process held that has just died; `client` is its name in EHLO.

    At once: others may take it as soon as the TTL is over.
    """
    with engine.connect() as connection:
        session = connection.execute(_SESSION, {"pid": pid}).scalar()
        rows = connection.execute(_HELD, {"session": session}).all()
    return Kill(
        client,
        {(row.message_id, row.recipient): row.fence for row in rows},
        frozenset((row.message_id, row.recipient) for row in rows if row.announced == row.fence),
        session,
    )


def rescued_from(dead: Collection[object], engine: Engine) -> set[Key]:
    """Return what was taken from these sessions and may have been sent, as anybody or their journals know."""
    with engine.connect() as connection:
        rows = connection.execute(_RESCUED).all()
    return {(message_id, recipient) for message_id, recipient, session in rows if session in dead}
