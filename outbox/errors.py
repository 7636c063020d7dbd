"""Every exception that the outbox raises, each saying what to do next.

The application side raises below `OutboxError` at the call and has then inserted nothing; the daemon
side ends with the `exit_code` of the error (sysexits.h).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

EX_USAGE = 64
EX_DATAERR = 65
EX_UNAVAILABLE = 69
EX_SOFTWARE = 70
EX_IOERR = 74
EX_TEMPFAIL = 75
EX_CONFIG = 78

_SHOWN = 120


def shown(value: object) -> str:
    """Return `value` as an error shows it: its repr, or an instant in ISO 8601, cut at 120 characters."""
    text = value.isoformat() if isinstance(value, datetime) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def counted(number: int, what: str) -> str:
    """Return `number` with what is counted, by its name for one: "1 mail", "1,204 deliveries"."""
    more = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{number:,} {what if number == 1 else more}"


class OutboxError(Exception):
    """The base of all errors of the outbox."""

    exit_code = EX_UNAVAILABLE


class InvalidValueError(OutboxError, ValueError):
    """A value that the outbox cannot take, by the name of its field; nothing was written."""

    exit_code = EX_USAGE

    def __init__(self, field: str, value: object, problem: str, remedy: str) -> None:
        super().__init__(f"{field}: {problem}: {shown(value)}. {remedy}")
        self.field = field
        self.value = value


class InvalidEmailError(InvalidValueError):
    """An email, or an option of it, that can never be sent; nothing was inserted."""


class InvalidRequestError(InvalidValueError):
    """A request about mail in the outbox that names nothing, or too much; nothing was changed."""


class MessageTooLargeError(InvalidEmailError):
    """The composed message is above the size limit, in bytes, of the outbox or of the database."""


class TemplateError(OutboxError):
    """A template that is missing, broken, or lacks a variable; nothing was inserted."""

    exit_code = EX_USAGE


class KeyConflictError(OutboxError):
    """An idempotency key that is already taken by an email with another payload."""


class SuppressedError(OutboxError):
    """Recipients that must get no mail, each with the reason; nothing was inserted."""

    exit_code = EX_USAGE

    def __init__(self, suppressed: Mapping[str, str]) -> None:
        reasons = "; ".join(f"{shown(address)} ({why})" for address, why in sorted(suppressed.items()))
        super().__init__(
            f"to: suppressed: {reasons}. Leave them out, or take them off the list: outbox.unsuppress(…)."
        )
        self.suppressed = dict(suppressed)


class UnusableConnectionError(OutboxError):
    """What was handed to the outbox cannot carry a transaction of the application."""

    exit_code = EX_USAGE


class DatabaseLockedError(OutboxError):
    """SQLite refused the write because another connection holds the write lock."""


class DatabaseUnavailableError(OutboxError):
    """The database did not answer within the bounded retries at start."""


class UnsupportedDatabaseError(OutboxError):
    """A database, a version of one, or a driver that the outbox does not run on."""

    exit_code = EX_CONFIG


class SchemaError(OutboxError):
    """The tables are missing, or of another version than this code."""

    exit_code = EX_CONFIG


class EnvironmentMismatchError(OutboxError):
    """The database is of another environment than the daemon: it may be a copy of one whose mail went."""

    exit_code = EX_CONFIG

    def __init__(self, database: str | None, daemon: str | None) -> None:
        whose = f"of environment {database!r}" if database else "of no environment"
        mine = f"of {daemon!r}" if daemon else "of none"
        super().__init__(
            f"environment: the database is {whose} and this daemon is {mine}, so nothing is sent. "
            "If it is a copy of another environment's, cancel the mail in it first. Then set "
            "OUTBOX_ENVIRONMENT to the database's, or rename that: outbox db environment NAME."
        )


class ForkedError(OutboxError):
    """This process was forked while the daemon ran, and may have copied locks that nobody will ever open."""

    def __init__(self) -> None:
        super().__init__(
            "this process was forked while its parent's daemon ran, so it cannot start one: a lock of the "
            "database's driver may be closed for ever. Start it after the fork (in gunicorn: post_fork)."
        )


class StateDirectoryError(OutboxError):
    """Another daemon works in the state directory; what it has in hand stands in its journal there."""

    exit_code = EX_TEMPFAIL

    def __init__(self, path: str) -> None:
        super().__init__(
            f"state_dir: another daemon works in {path!r}. Stop it, or give this one a directory of its own: "
            "OUTBOX_STATE_DIR."
        )


class ListenError(OutboxError):
    """Nobody can listen where the metrics were to be served: another program may do so."""

    exit_code = EX_TEMPFAIL

    def __init__(self, host: str, port: int, error: OSError) -> None:
        super().__init__(
            f"metrics_listen: nobody can listen on port {port} of {host}: {error.strerror or error}. "
            "Stop what listens there, or give each daemon of this host another: OUTBOX_METRICS_LISTEN."
        )


class UnwrittenVerdictsError(OutboxError):
    """The daemon was told to leave, or failed, before it had written all that it knows."""

    exit_code = EX_TEMPFAIL

    def __init__(self, verdicts: int) -> None:
        super().__init__(
            f"{counted(verdicts, 'verdict')} could not be written. The next daemon rescues that mail, "
            "and some of it may go out twice."
        )


class SettingsError(OutboxError):
    """Settings that are unknown or wrong; all faults are listed at once."""

    exit_code = EX_CONFIG

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


def missing_tables() -> SchemaError:
    """Return the error for a database that has no outbox tables."""
    return SchemaError(
        "The database has no outbox tables. Create them: outbox db upgrade, or outbox.migrate(engine)."
    )
