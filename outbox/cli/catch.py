"""`outbox catch`: take every mail of a development machine, show it, and send none of it on."""

import ipaddress
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from outbox.cli.signals import on_signals
from outbox.errors import EX_UNAVAILABLE, EX_USAGE, counted
from outbox.smtp.reply import printable

if TYPE_CHECKING:
    from outbox.cli.catcher import Caught


_LOOK = 0.2
"""Seconds in which a signal is noticed."""


class _UsageRefusal(click.ClickException):
    """What was asked for is not done by this command."""

    exit_code = EX_USAGE


class _Unavailable(click.ClickException):
    """Something that the command needs is not there."""

    exit_code = EX_UNAVAILABLE


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _line(mail: "Caught") -> str:
    to = ", ".join(mail.recipients)
    line = printable(f"{mail.at.astimezone():%H:%M:%S}  <{mail.sender}> → {to}  {mail.subject}")
    encoding = sys.stdout.encoding or "ascii"
    return line.encode(encoding, "backslashreplace").decode(encoding)


def _serve(host: str, port: int, folder: Path | None) -> int:
    """Catch mails until a signal comes; return how many."""
    try:
        # The extra may not be installed, and the command line must start without it.
        from outbox.cli.catcher import Catcher  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise _Unavailable(
            f"`outbox catch` needs {error.name}, which is not installed. "
            "Run: pip install 'email-outbox[catch]'"
        ) from error
    stopping = threading.Event()

    def show(mail: "Caught") -> None:
        try:
            click.echo(_line(mail))
        except OSError:
            stopping.set()  # whoever read our lines has left; the mail is taken all the same

    catcher = Catcher(host, port, folder=folder, on_mail=show)
    signals: list[int] = []
    with on_signals(signals.append, signal.SIGTERM, signal.SIGINT):
        try:
            catcher.start()
            click.echo(f"Catching every mail at {host}:{catcher.port}; Ctrl-C ends it.")
            while not (signals or stopping.wait(_LOOK)):
                pass
        except OSError as error:
            remedy = "Choose another with --port, or stop what listens there."
            raise _Unavailable(f"Cannot listen at {host}:{port}: {error.strerror}. {remedy}") from error
        finally:
            catcher.stop()
    return catcher.count


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address to listen at.")
@click.option("--port", default=1025, show_default=True, type=click.IntRange(0, 65535), help="0: a free one.")
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    help="Write each mail there as one .eml file.",
)
def catch(host: str, port: int, folder: Path | None) -> None:
    """Take every mail, show one line of each, send none on."""
    if not _is_loopback(host):
        raise _UsageRefusal(
            f"--host {host!r} is not loopback, and this server takes mail from anybody. "
            "Use 127.0.0.1 and reach it from elsewhere by an SSH tunnel."
        )
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _Unavailable(
                f"--dir {str(folder)!r} cannot be made: {error.strerror}. Give another."
            ) from error
    count = _serve(host, port, folder)
    where = f", kept in {folder}" if folder is not None else ""
    click.echo(f"Caught {counted(count, 'mail')}{where}.")
