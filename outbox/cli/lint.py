"""`outbox lint`: find what is wrong with the templates, before a reader does."""

from dataclasses import asdict

import click

from outbox.cli.options import as_json, template_folders
from outbox.cli.paper import print_json
from outbox.cli.reading import variables
from outbox.render.lint import Rule
from outbox.render.lint import lint as find_faults
from outbox.settings.make_outbox import templates_of
from outbox.settings.sources import load_without_relays
from outbox.smtp.reply import printable

_FOUND = 1
"""The exit code of linters where something is found."""


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--context", metavar="FILE", help="The variables; by default NAME.example.json beside each.")
@click.option("--locale", "locales", metavar="TAG", multiple=True, help="A language; by default all of them.")
@click.option(
    "--bulk", metavar="PATTERN", multiple=True, help="Bulk mails, such as 'news/*'; can be repeated."
)
@click.option(
    "--ignore",
    type=click.Choice([rule.value for rule in Rule]),
    multiple=True,
    help="Do not tell this; can be repeated.",
)
@template_folders
@as_json
def lint(
    names: tuple[str, ...],
    context: str | None,
    locales: tuple[str, ...],
    bulk: tuple[str, ...],
    ignore: tuple[str, ...],
    *,
    folders: tuple[str, ...],
    as_json: bool,
) -> None:
    """Find what is wrong with templates; end with 1 where something is.

    Without a NAME all mails of your folders are looked at. Bulk mails must have a link to unsubscribe.
    """
    found_in = templates_of(load_without_relays(templates=folders or None))
    given = None if context is None else variables(context)
    looked_at = names or found_in.own_names()
    findings = [
        finding
        for finding in find_faults(found_in, looked_at, context=given, locales=locales, bulk=bulk)
        if finding.rule not in ignore
    ]
    for finding in findings:
        if as_json:
            print_json(asdict(finding))
        else:
            click.echo(printable(str(finding)))
    if findings:
        raise click.exceptions.Exit(_FOUND)
    if not as_json:
        click.echo(f"Nothing is wrong with {', '.join(looked_at)}.")
