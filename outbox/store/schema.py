"""The tables, as the newest migration leaves them; their indexes are in `storage.py`.

`outbox_message` is the email as handed over, written once. `outbox_delivery` is one recipient of it: narrow,
hot, and the unit of the queue. `outbox_attempt` only grows: what went otherwise than a clean first
success. `outbox_session` is one run of one daemon. `outbox_gate` is what may pass now: to one relay, of one
stream, or at all. `outbox_suppression` is an address that gets no mail, `outbox_tag` one tag of a message,
`outbox_meta` what is true of the whole database, `outbox_stat` how many deliveries ended in one way on one
day, of those that were deleted.
"""

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    Float,
    ForeignKey,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from outbox.mail.status import FINAL, Lane, OnDoubt, Status, Wish
from outbox.store.clock import utc_now
from outbox.store.conventions import new_metadata, one_of
from outbox.store.types import BigId, ByteExact, Guid, Json, Mime, UtcDateTime, Word
from outbox.tracing import LENGTH


class SessionState(StrEnum):
    """Where one run of a daemon stands."""

    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    LOST = "lost"


class GateKind(StrEnum):
    """What a gate stands before: everything, one relay, or one stream."""

    ALL = "all"
    RELAY = "relay"
    STREAM = "stream"


_FINAL = ", ".join(f"'{status}'" for status in Status if status in FINAL)

metadata = new_metadata()

message = Table(
    "outbox_message",
    metadata,
    Column("id", Guid, primary_key=True),
    Column("created_at", UtcDateTime, nullable=False, server_default=utc_now()),
    Column("stream", Word(64), nullable=False),
    Column("sender", String(320), nullable=False),
    Column("subject", Text, nullable=False),
    Column("message_id", String(320), nullable=False),
    Column("mime", Mime),
    Column("size", Integer, nullable=False),
    Column("tags", Json),
    Column("idempotency_key", ByteExact(200)),
    Column("payload_hash", String(64), nullable=False),
    Column("on_doubt", Word(16), nullable=False),
    Column("erased_at", UtcDateTime),
    Column("traceparent", Word(LENGTH)),
    UniqueConstraint("idempotency_key"),
    one_of("on_doubt", OnDoubt),
)

delivery = Table(
    "outbox_delivery",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("message_id", Guid, ForeignKey(message.c.id), nullable=False),
    Column("n", Integer, nullable=False),
    Column("recipient", String(320), nullable=False),
    Column("stream", Word(64), nullable=False),
    Column("size", Integer, nullable=False),
    Column("status", Word(16), nullable=False, server_default=text("'pending'")),
    Column("due_at", UtcDateTime, nullable=False, server_default=utc_now()),
    Column("expires_at", UtcDateTime),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("judged_at", UtcDateTime),
    Column("fence", Integer, nullable=False, server_default=text("0")),
    Column("rescues", Integer, nullable=False, server_default=text("0")),
    Column("doubts", Integer, nullable=False, server_default=text("0")),
    Column("session", Guid),
    Column("relay", String(64)),
    Column("reply_code", SmallInteger),
    Column("enhanced_code", String(16)),
    Column("reply", Text),
    Column("queue_id", String(128)),
    Column("reason", String(32)),
    Column("finished_at", UtcDateTime),
    Column("lane", SmallInteger, nullable=False, server_default=text("0")),
    Column("wish", Word(16)),
    Column("announced", Integer),
    UniqueConstraint("message_id", "n"),
    one_of("status", Status),
    CheckConstraint(f"lane IN ({', '.join(str(lane.value) for lane in Lane)})", name="lane_known"),
    one_of("wish", Wish),
    CheckConstraint("(status = 'sending') = (session IS NOT NULL)", name="sending_has_session"),
    CheckConstraint(f"(status IN ({_FINAL})) = (finished_at IS NOT NULL)", name="final_is_finished"),
)

attempt = Table(
    "outbox_attempt",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("delivery_id", BigId, ForeignKey(delivery.c.id), nullable=False, index=True),
    Column("fence", Integer, nullable=False),
    Column("session", Guid),
    Column("relay", String(64)),
    Column("stage", String(64)),
    Column("reply_code", SmallInteger),
    Column("enhanced_code", String(16)),
    Column("reply", Text),
    Column("detail", Text),
    Column("verdict", String(32), nullable=False),
    Column("late", Boolean, nullable=False, server_default=text("false")),
    Column("at", UtcDateTime, nullable=False, server_default=utc_now()),
    Column("bytes_written", BigInteger),
    Column("waited", Double),
    Column("who", String(128)),
)

session = Table(
    "outbox_session",
    metadata,
    Column("id", Guid, primary_key=True),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", String(32), nullable=False),
    Column("started_at", UtcDateTime, nullable=False, server_default=utc_now()),
    Column("beat_at", UtcDateTime, nullable=False, server_default=utc_now()),
    Column("ttl", Float, nullable=False),
    Column("state", Word(16), nullable=False),
    Column("sent", BigId, nullable=False, server_default=text("0")),
    Column("failed", BigId, nullable=False, server_default=text("0")),
    Column("deferred", BigId, nullable=False, server_default=text("0")),
    Column("epoch", Integer),
    one_of("state", SessionState),
)

gate = Table(
    "outbox_gate",
    metadata,
    Column("kind", Word(16), primary_key=True),
    Column("name", Word(64), primary_key=True),
    Column("pipelining", Word(16)),
    Column("data_apart", Boolean, nullable=False, server_default=text("false")),
    Column("recipients", Integer),
    Column("learnt_at", UtcDateTime),
    Column("fault", Text),
    Column("fault_at", UtcDateTime),
    Column("paused_at", UtcDateTime),
    Column("paused_by", String(128)),
    Column("paused_why", Text),
    Column("opened_at", UtcDateTime),
    Column("open_until", UtcDateTime),
    Column("prober", Guid),
    Column("probe_until", UtcDateTime),
    Column("tokens", Double),
    Column("tokens_at", UtcDateTime),
    Column("quota_used", BigInteger),
    Column("quota_day", Date),
    Column("short_of", String(16)),
    Column("short_since", UtcDateTime),
    Column("short_until", UtcDateTime),
    Column("pace", Double),
    Column("paced_at", UtcDateTime),
    Column("waits", Integer, nullable=False, server_default=text("0")),
    one_of("kind", GateKind),
    CheckConstraint("pipelining IN ('mail', 'off')", name="pipelining_known"),
)

tag = Table(
    "outbox_tag",
    metadata,
    # In this order the key of the table finds all mail of one tag.
    Column("name", Word(64), primary_key=True),
    Column("value", Word(200), primary_key=True),
    Column("message_id", Guid, ForeignKey(message.c.id), primary_key=True, index=True),
)

suppression = Table(
    "outbox_suppression",
    metadata,
    Column("address", Word(320), primary_key=True),
    Column("why", Text, nullable=False),
    Column("who", String(128)),
    Column("created_at", UtcDateTime, nullable=False, server_default=utc_now()),
    # Nobody tells Ada@… from ada@…, so the list has one spelling, and a claim looks for that.
    CheckConstraint("address = lower(address)", name="address_lower"),
)

meta = Table(
    "outbox_meta",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("environment", Word(64)),
    Column("database_id", Word(36)),
    Column("epoch", Integer, nullable=False, server_default=text("0")),
    Column("restored_at", UtcDateTime),
    Column("confirmed", Integer, nullable=False, server_default=text("0")),
    Column("keeper", Guid),
    Column("keeper_until", UtcDateTime),
    Column("erased_to", UtcDateTime),
    Column("timeline", Integer),
    CheckConstraint("id = 1", name="one_row"),
)

stat = Table(
    "outbox_stat",
    metadata,
    Column("day", Date, primary_key=True),
    Column("stream", Word(64), primary_key=True),
    # As in a delivery, so that both can be counted together.
    Column("relay", String(64), primary_key=True),
    Column("status", Word(16), primary_key=True),
    Column("deliveries", BigInteger, nullable=False, server_default=text("0")),
)
