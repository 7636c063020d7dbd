"""Who sits at the terminal, and says something of mail."""

from __future__ import annotations

import getpass
import os

import click

from outbox.mail.selection import MAX_WHO

who = click.option("--who", metavar="NAME", help="Who asks; by default your login name.")


def login() -> str:
    """Return the name by which the operator has logged in, also behind sudo; the number of one without."""
    try:
        name = os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):  # a container's user need not be in its /etc/passwd
        name = f"uid {os.getuid()}"
    return name[:MAX_WHO]
