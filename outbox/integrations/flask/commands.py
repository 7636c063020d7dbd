"""`flask outbox …`: our whole command line, with what the application is configured with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from flask import Flask


def add_commands(app: Flask) -> None:
    """Give `app` the command `flask outbox`."""

    # Whatever follows is for the command line of the outbox, --help too.
    @click.command(
        "outbox",
        context_settings={"ignore_unknown_options": True, "help_option_names": []},
        short_help="Create the outbox's tables, run its daemon, look at its mail.",
    )
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def outbox(arguments: tuple[str, ...]) -> None:
        # Loaded here: who serves pages needs neither the daemon nor its settings.
        from outbox.cli import main  # noqa: PLC0415
        from outbox.integrations.flask.settings import settings_of  # noqa: PLC0415
        from outbox.settings.application import told_by  # noqa: PLC0415

        with app.app_context():
            settings = settings_of(app)
        with told_by(settings):
            main(list(arguments), prog_name="flask outbox")

    app.cli.add_command(outbox)
