"""How a command ends that cannot do what it was asked: one clear message and an exit code (sysexits.h)."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

import click

from outbox.errors import EX_IOERR, EX_USAGE, OutboxError, SettingsError
from outbox.smtp.reply import printable

_VERBS = (
    "cancel", "check", "config", "db", "forget", "hold", "list", "mark-sent", "pause", "release", "retry",
    "run", "show", "suppressions", "top", "unsuppress", "why",
)  # fmt: skip
_COMMAND = re.compile(rf"(?<![\w./-])(?<!flask )(?<!manage\.py )outbox(?= (?:{'|'.join(_VERBS)})\b)")
"""A call of ours that a message names, but for one that is named as an application has it."""

_NOT_WRITTEN = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""What a full or broken disk says of the command's output; of a pipe that is closed nothing is to be told."""

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""


class CommandError(OutboxError):
    """What ends one command and is an error nowhere else."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@contextmanager
def told_plainly() -> Iterator[None]:
    """Tell our errors, and click's about arguments, without a traceback, and end with their exit code."""
    try:
        yield
    except SettingsError as error:
        _tell("The settings cannot be used:\n" + "\n".join(f"  - {fault}" for fault in error.faults))
        raise click.exceptions.Exit(error.exit_code) from error
    except OutboxError as error:
        _tell(str(error))
        raise click.exceptions.Exit(error.exit_code) from error
    except click.UsageError as error:
        error.show()
        raise click.exceptions.Exit(EX_USAGE) from error
    except OSError as error:
        if error.errno not in _NOT_WRITTEN:
            raise
        _tell(
            f"The output cannot be written: {error.strerror}. Write it elsewhere, or make room; "
            "what was to be changed may be changed already."
        )
        raise click.exceptions.Exit(EX_IOERR) from error
    except KeyboardInterrupt as error:
        click.echo(err=True)
        raise click.exceptions.Exit(INTERRUPTED) from error


def addressed(message: str) -> str:
    """Return `message` with its commands as they are called here.

    As `flask outbox` or `manage.py outbox` we are on the application's database; a plain `outbox db upgrade`
    would make the tables in another one, and say that all is well.
    """
    context = click.get_current_context(silent=True)
    program = context.find_root().info_name if context else None
    return _COMMAND.sub(program or "outbox", message)


def _tell(message: str) -> None:
    message = addressed(message)
    # The message may quote what strangers wrote.
    click.echo("Error: " + "\n".join(map(printable, message.splitlines())), err=True)
