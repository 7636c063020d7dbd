"""Options that several commands share."""

import click

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
