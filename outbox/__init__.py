"""A transactional email outbox: enqueue in your own SQL transaction, a daemon delivers over SMTP."""

from outbox._version import __version__
from outbox.errors import (
    DatabaseLockedError,
    EnvironmentMismatchError,
    InvalidEmailError,
    KeyConflictError,
    MessageTooLargeError,
    OutboxError,
    SchemaError,
    SuppressedError,
    TemplateError,
    UnsupportedDatabaseError,
    UnusableConnectionError,
)
from outbox.intake import Outbox, enqueue, enqueue_many
from outbox.mail.address import Address
from outbox.mail.attachment import Attachment
from outbox.mail.email import Email
from outbox.mail.status import OnDoubt, Status
from outbox.store.dialects.sqlite import prepare_sqlite
from outbox.store.migration import migrate

__all__ = [
    "Address",
    "Attachment",
    "DatabaseLockedError",
    "Email",
    "EnvironmentMismatchError",
    "InvalidEmailError",
    "KeyConflictError",
    "MessageTooLargeError",
    "OnDoubt",
    "Outbox",
    "OutboxError",
    "SchemaError",
    "Status",
    "SuppressedError",
    "TemplateError",
    "UnsupportedDatabaseError",
    "UnusableConnectionError",
    "__version__",
    "enqueue",
    "enqueue_many",
    "migrate",
    "prepare_sqlite",
]
