"""A transactional email outbox: enqueue in your own SQL transaction, a daemon delivers over SMTP."""

# ruff: noqa: F405 - what the star brings is named in __all__, and mypy reads both

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outbox._public import *  # noqa: F403 - its __all__ is ours

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


def __getattr__(name: str) -> Any:
    """Load what is public when it is used first: a command that uses none of it shall begin at once."""
    # A module of ours that is not imported yet is none of it.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from outbox import _public  # noqa: PLC0415 - see above

    globals().update((each, getattr(_public, each)) for each in __all__)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
