"""Options that several commands share."""

from collections.abc import Callable

import click

from outbox.errors import shown

database_url = click.option(
    "--database-url", metavar="URL", help="The database; by default OUTBOX_DATABASE_URL."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
yes = click.option("--yes", is_flag=True, help="Do not ask.")
dry_run = click.option("--dry-run", is_flag=True, help="Tell what would be changed, and change nothing.")
template_folders = click.option(
    "--templates",
    "folders",
    metavar="FOLDER",
    multiple=True,
    help="A folder of templates, can be repeated; by default OUTBOX_TEMPLATES.",
)


def name_server(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that name whom to ask for DNS records."""
    for option in (
        click.option("--port", type=click.IntRange(1, 65535), default=53, show_default=True),
        click.option(
            "--nameserver",
            metavar="IP",
            callback=_ip,
            help="Whom to ask for DNS; by default the system's own.",
        ),
    ):
        command = option(command)
    return command


def _ip(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    from outbox.settings.hosts import is_ip  # noqa: PLC0415 - whoever gives none loads no settings for it

    if value is not None and not is_ip(value):
        raise click.UsageError(f"--nameserver: {shown(value)} is no IP address. Give one, as 192.0.2.53.")
    return value
