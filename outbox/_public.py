"""All that `outbox` has for applications; loaded together, at the first use of any of it."""

from outbox._version import __version__
from outbox.control import (
    cancel,
    forget,
    hold,
    mark_sent,
    pause,
    pauses,
    release,
    resume,
    retry,
    status,
    suppress,
    suppressions,
    unsuppress,
    why,
)
from outbox.default import enqueue, enqueue_async, enqueue_many, enqueue_many_async
from outbox.errors import (
    DatabaseLockedError,
    EnvironmentMismatchError,
    InvalidEmailError,
    InvalidRequestError,
    KeyConflictError,
    MessageTooLargeError,
    OutboxError,
    SchemaError,
    SuppressedError,
    TemplateError,
    UnsupportedDatabaseError,
    UnusableConnectionError,
)
from outbox.intake import Outbox
from outbox.mail.address import Address
from outbox.mail.attachment import Attachment
from outbox.mail.email import Email
from outbox.mail.request import Change
from outbox.mail.status import OnDoubt, Status
from outbox.mail.waiting import Waits, Why
from outbox.render.lint import Finding
from outbox.store.dialects.sqlite import prepare_sqlite
from outbox.store.erasure import Forgotten
from outbox.store.migration import migrate
from outbox.store.pauses import Pause
from outbox.store.standing import DeliveryStatus, MessageStatus
from outbox.store.suppressions import Suppression

__all__ = [
    "Address",
    "Attachment",
    "Change",
    "DatabaseLockedError",
    "DeliveryStatus",
    "Email",
    "EnvironmentMismatchError",
    "Finding",
    "Forgotten",
    "InvalidEmailError",
    "InvalidRequestError",
    "KeyConflictError",
    "MessageStatus",
    "MessageTooLargeError",
    "OnDoubt",
    "Outbox",
    "OutboxError",
    "Pause",
    "SchemaError",
    "Status",
    "SuppressedError",
    "Suppression",
    "TemplateError",
    "UnsupportedDatabaseError",
    "UnusableConnectionError",
    "Waits",
    "Why",
    "__version__",
    "cancel",
    "enqueue",
    "enqueue_async",
    "enqueue_many",
    "enqueue_many_async",
    "forget",
    "hold",
    "mark_sent",
    "migrate",
    "pause",
    "pauses",
    "prepare_sqlite",
    "release",
    "resume",
    "retry",
    "status",
    "suppress",
    "suppressions",
    "unsuppress",
    "why",
]
