"""`manage.py outbox VERB …`: the whole command line, on Django's database and with its SMTP settings."""

from __future__ import annotations

from argparse import REMAINDER
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.management.base import BaseCommand

from outbox.integrations.django.settings import said_by_django

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):  # type: ignore[misc] # Django ships no types
    """The command `outbox`, told what Django knows; its own OUTBOX_* settings win."""

    help = (
        "The outbox's command line: run (the daemon), list, show, send, db and more, on Django's database. "
        "Without a verb it lists them all; options of manage.py stand before the verb."
    )
    requires_system_checks: ClassVar[list[str]] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take all from the verb on as it is."""
        parser.add_argument("arguments", nargs=REMAINDER, metavar="VERB …")

    def handle(self, *args: object, arguments: list[str], **options: Any) -> None:  # noqa: ARG002 - Django's signature
        """Run the verb; it ends the process with its exit code."""
        # Loaded here: who serves pages needs neither the daemon nor its settings.
        from outbox.cli import main  # noqa: PLC0415
        from outbox.settings.application import told_by  # noqa: PLC0415

        with told_by(said_by_django()):
            main(arguments, prog_name="manage.py outbox")
