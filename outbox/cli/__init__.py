"""The command line: `outbox VERB …`.

A verb's file is imported when the verb is called, so that each loads only what it needs and an extra that is
not installed is missed by the verbs that need it alone.
"""

import gc
import io
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from outbox._version import __version__
from outbox.cli.ending import told_plainly

# Each verb: its file, the command in it, and its line in the list of commands.
_VERBS = {
    "demo": ("demo", "demo", "Send 1,000 mails to a local catcher, and prove that each arrived once."),
    "run": ("run", "run", "Run the daemon that sends what is queued."),
    "init": ("init", "init", "Write a commented outbox.toml and the systemd unit of this installation."),
    "config": ("config", "config", "Show the settings and where each comes from; find what is wrong."),
    "check": ("check", "check", "Try all that the daemon needs: database, relays, DNS, this host."),
    "db": ("db", "db", "Create, upgrade and check the tables of the outbox."),
    "send": ("send", "send", "Put one mail into the queue, or straight to the relay."),
    "sendmail": ("sendmail", "sendmail", "Queue a message as /usr/sbin/sendmail would."),
    "list": ("listing", "list_messages", "List messages, newest first."),
    "show": ("show", "show", "Show one message, its recipients and what the relay said."),
    "why": ("why", "why", "Tell what a message waits for, and by which relay it goes."),
    "retry": ("requests", "retry", "Try mail again that failed, is in doubt, or was put off."),
    "cancel": ("requests", "cancel", "Take mail back that was not sent yet."),
    "hold": ("requests", "hold", "Keep mail until somebody releases it."),
    "release": ("requests", "release", "Let go what is held or in doubt."),
    "mark-sent": ("requests", "mark_sent", "Say of mail in doubt that the relay has it."),
    "pause": ("pauses", "pause", "Send no more mail, of a stream, by a relay or at all, until resume."),
    "resume": ("pauses", "resume", "Let mail go again that is paused."),
    "suppress": ("suppress", "suppress", "Let an address get no mail any more."),
    "unsuppress": ("suppress", "unsuppress", "Let an address get mail again."),
    "suppressions": ("suppressions", "suppressions", "List the addresses that get no mail."),
    "top": ("top", "top", "Watch the queue, the relays and the daemons."),
    "stats": ("stats", "stats", "Count what ended, by day, stream, relay and status."),
    "purge": ("purge", "purge", "Delete what has ended long ago, or its bodies alone."),
    "forget": ("forget", "forget", "Erase an address from all mail that has ended."),
    "preview": (
        "preview",
        "preview",
        "Show a mail that templates make, also as a page that follows your edits.",
    ),
    "lint": ("lint", "lint", "Find what is wrong with templates."),
    "dkim": ("dkim", "dkim", "Make keys that sign mail, and check their DNS records."),
    "completion": ("completion", "completion", "Print a script that completes commands in your shell."),
    "catch": ("catch", "catch", "Take every mail, show one line of each, send none on."),
}


class _Verbs(click.Group):
    """The verbs, by name; importing none of them for help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the verbs in the order of their use."""
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Import a verb."""
        if cmd_name not in _VERBS:
            return None
        file, name, _ = _VERBS[cmd_name]
        command: click.Command = getattr(import_module(f"outbox.cli.{file}"), name)
        if not gc.isenabled():
            # What was imported stays: neither this run nor its end shall look through it.
            gc.freeze()
            gc.enable()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """Write the list of verbs."""
        with formatter.section("Commands"):
            formatter.write_dl([(verb, line) for verb, (_, _, line) in _VERBS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a verb, importing none."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [
            CompletionItem(verb, help=line)
            for verb, (_, _, line) in _VERBS.items()
            if verb.startswith(incomplete)
        ]

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the arguments; a wrong one ends as every error does."""
        with told_plainly():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; an error of ours becomes one message and an exit code."""
        with told_plainly():
            return super().invoke(ctx)


@click.group("outbox", cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="outbox", message="%(prog)s %(version)s")
def command_line() -> None:
    """Queue mail in your own SQL transaction, and have a daemon deliver it.

    The database is OUTBOX_DATABASE_URL, by default that of the application (`flask outbox`, `manage.py
    outbox`), or else the file outbox.sqlite3 in the current directory.
    """


def main(args: Sequence[str] | None = None, prog_name: str = "outbox") -> None:
    """Run the command line with `args`, by default the process's own, and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks a character must not end a command.
            stream.reconfigure(errors="backslashreplace")
    # To look for garbage while a verb is imported would take a third of the time until it begins.
    gc.disable()
    try:
        command_line.main(args=args, prog_name=prog_name)
    finally:
        gc.enable()
