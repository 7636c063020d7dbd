"""Ask whoever sits at the terminal before much is changed."""

from __future__ import annotations

import click

from outbox.cli.ending import INTERRUPTED, CommandError
from outbox.errors import EX_USAGE

_NO = 1


def confirm(question: str) -> None:
    """Ask on standard error, as programs read the other; raise CommandError where the answer is no yes."""
    try:
        if click.confirm(question, err=True):
            return
    except click.Abort as end:
        click.echo(err=True)
        # click tells both alike, and a program that cannot answer is to learn how it need not.
        if isinstance(end.__context__, KeyboardInterrupt):
            raise CommandError("Nothing was changed.", INTERRUPTED) from end
        raise CommandError("Nobody answered, and nothing was changed. Give --yes.", EX_USAGE) from end
    raise CommandError("Nothing was changed.", _NO)
